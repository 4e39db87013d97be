namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.TraceEventSurrogate")]
internal readonly record struct TraceEventSurrogate(TraceStage Stage, DateTimeOffset At, string? Group, int Delivery, string? Consumer, DateTimeOffset? Until);

[RegisterConverter]
internal sealed class TraceEventConverter : IConverter<TraceEvent, TraceEventSurrogate>
{
    public TraceEvent ConvertFromSurrogate(in TraceEventSurrogate surrogate) =>
        new(surrogate.Stage, surrogate.At, surrogate.Group, surrogate.Delivery, surrogate.Consumer, surrogate.Until);

    public TraceEventSurrogate ConvertToSurrogate(in TraceEvent value) => new(value.Stage, value.At, value.Group, value.Delivery, value.Consumer, value.Until);
}

[GenerateSerializer, Alias("OrleansMq.MessageTraceSurrogate")]
internal readonly record struct MessageTraceSurrogate(StoredMessage Message, TraceEvent[] Events, bool IsWhole);

[RegisterConverter]
internal sealed class MessageTraceConverter : IConverter<MessageTrace, MessageTraceSurrogate>
{
    public MessageTrace ConvertFromSurrogate(in MessageTraceSurrogate surrogate) => new(surrogate.Message, surrogate.Events, surrogate.IsWhole);

    public MessageTraceSurrogate ConvertToSurrogate(in MessageTrace value) => new(value.Message, [.. value.Events], value.IsWhole);
}

[GenerateSerializer, Alias("OrleansMq.StageHistogramSurrogate")]
internal readonly record struct StageHistogramSurrogate(long Count, long SumMs, long MaxMs, long[] UpToMs, long[] Counts);

[RegisterConverter]
internal sealed class StageHistogramConverter : IConverter<StageHistogram, StageHistogramSurrogate>
{
    public StageHistogram ConvertFromSurrogate(in StageHistogramSurrogate surrogate)
    {
        var buckets = new StageBucket[surrogate.UpToMs.Length];
        for (var i = 0; i < buckets.Length; i++)
            buckets[i] = new StageBucket(surrogate.UpToMs[i], surrogate.Counts[i]);
        return new StageHistogram(surrogate.Count, surrogate.SumMs, surrogate.MaxMs, buckets);
    }

    public StageHistogramSurrogate ConvertToSurrogate(in StageHistogram value) =>
        new(value.Count, value.SumMs, value.MaxMs, [.. value.Buckets.Select(bucket => bucket.UpToMs)], [.. value.Buckets.Select(bucket => bucket.Count)]);
}

[GenerateSerializer, Alias("OrleansMq.StageTimesSurrogate")]
internal readonly record struct StageTimesSurrogate(
    long Messages, StageHistogram Append, StageHistogram Wait, StageHistogram Handle, StageHistogram Total, long Redeliveries, long DeadLettered, bool IsWhole);

[RegisterConverter]
internal sealed class StageTimesConverter : IConverter<StageTimes, StageTimesSurrogate>
{
    public StageTimes ConvertFromSurrogate(in StageTimesSurrogate surrogate) => new(
        surrogate.Messages, surrogate.Append, surrogate.Wait, surrogate.Handle, surrogate.Total, surrogate.Redeliveries, surrogate.DeadLettered, surrogate.IsWhole);

    public StageTimesSurrogate ConvertToSurrogate(in StageTimes value) =>
        new(value.Messages, value.Append, value.Wait, value.Handle, value.Total, value.Redeliveries, value.DeadLettered, value.IsWhole);
}

namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.ReconcileRequestSurrogate")]
internal readonly record struct ReconcileRequestSurrogate(TimeSpan OlderThan, UnsettledCause[]? Causes, int Max, string? After);

[RegisterConverter]
internal sealed class ReconcileRequestConverter : IConverter<ReconcileRequest, ReconcileRequestSurrogate>
{
    public ReconcileRequest ConvertFromSurrogate(in ReconcileRequestSurrogate surrogate) =>
        new() { OlderThan = surrogate.OlderThan, Causes = surrogate.Causes, Max = surrogate.Max, After = surrogate.After };

    public ReconcileRequestSurrogate ConvertToSurrogate(in ReconcileRequest value) => new(value.OlderThan, value.Causes is null ? null : [.. value.Causes], value.Max, value.After);
}

[GenerateSerializer, Alias("OrleansMq.RedeliverRequestSurrogate")]
internal readonly record struct RedeliverRequestSurrogate(UnsettledCause[] Causes, TimeSpan OlderThan, Position[]? Positions);

[RegisterConverter]
internal sealed class RedeliverRequestConverter : IConverter<RedeliverRequest, RedeliverRequestSurrogate>
{
    public RedeliverRequest ConvertFromSurrogate(in RedeliverRequestSurrogate surrogate) =>
        new() { Causes = surrogate.Causes, OlderThan = surrogate.OlderThan, Positions = surrogate.Positions };

    public RedeliverRequestSurrogate ConvertToSurrogate(in RedeliverRequest value) => new([.. value.Causes], value.OlderThan, value.Positions is null ? null : [.. value.Positions]);
}

[GenerateSerializer, Alias("OrleansMq.UnsettledCountsSurrogate")]
internal readonly record struct UnsettledCountsSurrogate(long NeverDelivered, long Leased, long Returned, long Dead, long Uncommitted, long Deferred);

[RegisterConverter]
internal sealed class UnsettledCountsConverter : IConverter<UnsettledCounts, UnsettledCountsSurrogate>
{
    public UnsettledCounts ConvertFromSurrogate(in UnsettledCountsSurrogate surrogate) =>
        new(surrogate.NeverDelivered, surrogate.Leased, surrogate.Returned, surrogate.Dead, surrogate.Uncommitted, surrogate.Deferred);

    public UnsettledCountsSurrogate ConvertToSurrogate(in UnsettledCounts value) => new(value.NeverDelivered, value.Leased, value.Returned, value.Dead, value.Uncommitted, value.Deferred);
}

[GenerateSerializer, Alias("OrleansMq.DeadLetterInfoSurrogate")]
internal readonly record struct DeadLetterInfoSurrogate(string Reason, Position Origin, int Deliveries, DateTimeOffset At, int Redrives);

[RegisterConverter]
internal sealed class DeadLetterInfoConverter : IConverter<DeadLetterInfo, DeadLetterInfoSurrogate>
{
    public DeadLetterInfo ConvertFromSurrogate(in DeadLetterInfoSurrogate surrogate) => new(surrogate.Reason, surrogate.Origin, surrogate.Deliveries, surrogate.At, surrogate.Redrives);

    public DeadLetterInfoSurrogate ConvertToSurrogate(in DeadLetterInfo value) => new(value.Reason, value.Origin, value.Deliveries, value.At, value.Redrives);
}

[GenerateSerializer, Alias("OrleansMq.UnsettledMessageSurrogate")]
internal readonly record struct UnsettledMessageSurrogate(UnsettledCause Cause, int Deliveries, bool Expired, DateTimeOffset? AppendedAt, StoredMessage Message);

[RegisterConverter]
internal sealed class UnsettledMessageConverter : IConverter<UnsettledMessage, UnsettledMessageSurrogate>
{
    public UnsettledMessage ConvertFromSurrogate(in UnsettledMessageSurrogate surrogate) =>
        new(surrogate.Cause, surrogate.Deliveries, surrogate.Expired, surrogate.AppendedAt, surrogate.Message);

    public UnsettledMessageSurrogate ConvertToSurrogate(in UnsettledMessage value) => new(value.Cause, value.Deliveries, value.Expired, value.AppendedAt, value.Message);
}

[GenerateSerializer, Alias("OrleansMq.ReconciliationSurrogate")]
internal readonly record struct ReconciliationSurrogate(UnsettledCounts Counts, UnsettledMessage[] Messages, string? Next);

[RegisterConverter]
internal sealed class ReconciliationConverter : IConverter<Reconciliation, ReconciliationSurrogate>
{
    public Reconciliation ConvertFromSurrogate(in ReconciliationSurrogate surrogate) => new(surrogate.Counts, surrogate.Messages, surrogate.Next);

    public ReconciliationSurrogate ConvertToSurrogate(in Reconciliation value) => new(value.Counts, [.. value.Messages], value.Next);
}

using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>Keeps the order of a connection's appends to each partition while several are in flight.</summary>
/// <remarks>
/// A broker may find the partition first, so two calls in a row need not arrive in a row. Until one append to a partition is answered, the next waits for
/// it; from then on the way is known and they go one behind the other. An idempotent batch that still passed another is refused for its sequence,
/// and is sent once more when the one before it is answered.
/// </remarks>
internal sealed class ProduceOrder
{
    /// <summary>Beyond it all are forgotten, and each partition begins carefully again.</summary>
    private const int MaxPartitions = 10_000;

    private readonly Dictionary<(string Topic, int Partition), Line> _lines = [];

    private sealed class Line
    {
        public Task Last { get; set; } = Task.CompletedTask;
        public bool Known { get; set; }
    }

    public Task<ProduceResult> Append(IBroker broker, AppendRequest request)
    {
        var key = (request.Topic.Text, request.Partition);
        if (!_lines.TryGetValue(key, out var line))
        {
            if (_lines.Count >= MaxPartitions)
                _lines.Clear();
            _lines.Add(key, line = new Line());
        }
        var before = line.Last.IsCompleted ? null : line.Last;
        var append = Append(broker, request, line, before);
        line.Last = append;
        return append;
    }

    private static async Task<ProduceResult> Append(IBroker broker, AppendRequest request, Line line, Task? before)
    {
        if (before is not null && !line.Known)
            await before;
        var result = await Ask(broker, request);
        if (result.Error == KafkaError.OutOfOrderSequence && before is not null)
        {
            await before;
            result = await Ask(broker, request);
        }
        line.Known |= result.Error == KafkaError.None;
        return result;
    }

    private static async ValueTask<ProduceResult> Ask(IBroker broker, AppendRequest request)
    {
        try
        {
            // Not cancelled with the connection: the batch is borrowed from the frame until the broker is done with it.
            var result = await broker.Append(request);
            var offset = result is { BaseOffset: < 0, Records: [var first, ..] } ? first.Offset : result.BaseOffset;
            return new ProduceResult(KafkaError.None, offset, null);
        }
        catch (MqException e)
        {
            return ProduceResult.Refused(KafkaErrors.Of(e.Code), e.Message);
        }
    }
}

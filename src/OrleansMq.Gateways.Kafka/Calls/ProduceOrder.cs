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
        /// <summary>The latest append.</summary>
        public Task Last { get; set; } = Task.CompletedTask;

        /// <summary>Done when the broker has been asked for the latest: before that none behind it may ask, also where the way is known by now.</summary>
        public Task Asked { get; set; } = Task.CompletedTask;

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
        Task<ProduceResult> append;
        if (line.Asked.IsCompleted && (before is null || line.Known))
        {
            append = Append(broker, request, line, before, Ask(broker, request));
        }
        else
        {
            var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            append = InTurn(broker, request, line, before, line.Asked, asked);
            line.Asked = asked.Task;
        }
        line.Last = append;
        return append;
    }

    private static async Task<ProduceResult> InTurn(IBroker broker, AppendRequest request, Line line, Task? before, Task turn, TaskCompletionSource asked)
    {
        await turn;
        if (before is not null && !line.Known)
            await Done(before);
        var asking = Ask(broker, request);
        asked.SetResult();
        return await Append(broker, request, line, before, asking);
    }

    private static async Task<ProduceResult> Append(IBroker broker, AppendRequest request, Line line, Task? before, ValueTask<ProduceResult> asking)
    {
        var result = await asking;
        // The first batch of a producer may be the one that was passed.
        if (result.Error is KafkaError.OutOfOrderSequence or KafkaError.UnknownProducerId && before is not null)
        {
            await Done(before);
            result = await Ask(broker, request);
        }
        if (result.Error == KafkaError.UnknownProducerId)
            result = result with { LogStart = await StartOf(broker, request) };
        line.Known |= result.Error == KafkaError.None;
        return result;
    }

    /// <summary>However it ended: its fault is its own, and who comes behind it has its turn.</summary>
    private static async Task Done(Task append) => await append.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <summary>Kafka's own client repeats the batch in vain until it is told where the log begins; then it begins anew, wherever that is.</summary>
    private static async ValueTask<long> StartOf(IBroker broker, AppendRequest request)
    {
        try
        {
            return await broker.FindOffset(request.Topic, request.Partition, StartAt.Earliest);
        }
        catch (MqException)
        {
            return 0;
        }
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

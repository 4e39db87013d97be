using OrleansMq.Records;

namespace OrleansMq;

/// <summary>
/// Lets the batches of one producer for one partition go one after the other, in the order of the calls. Requests on several connections overtake each
/// other; then the broker would see a gap in the sequence, refuse, and be sent everything again.
/// </summary>
internal sealed class AppendOrder
{
    private readonly Lock _lock = new();

    // The end of each line that somebody stands in.
    private readonly Dictionary<(TopicName Topic, int Partition, long Producer), Task> _ends = [];

    public async ValueTask<AppendResult> InTurn(AppendRequest request, Func<ValueTask<AppendResult>> send, CancellationToken cancel)
    {
        if (ProducerOf(request) is not { } producer)
            return await send();
        var line = (request.Topic, request.Partition, producer);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var before = Task.CompletedTask;
        lock (_lock)
        {
            if (_ends.TryGetValue(line, out var end))
                before = end;
            _ends[line] = done.Task;
        }
        try
        {
            await before.WaitAsync(cancel);
            return await send();
        }
        finally
        {
            // Who gives up in the line does not let the next one past those before it.
            _ = before.ContinueWith(_ => Leave(line, done), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private void Leave((TopicName, int, long) line, TaskCompletionSource done)
    {
        lock (_lock)
            if (_ends.TryGetValue(line, out var end) && end == done.Task)
                _ends.Remove(line);
        done.SetResult();
    }

    private static long? ProducerOf(AppendRequest request)
    {
        if (request.Producer is { } producer)
            return producer.Id;
        return RecordBatch.TryRead(request.Batch, out var batch) == BatchReadStatus.Done && batch.ProducerId >= 0 ? batch.ProducerId : null;
    }
}

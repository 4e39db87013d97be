using OrleansMq.Records;

namespace OrleansMq.Client;

/// <summary>
/// Knows which appends of a producer to a partition are on their way. They are not held back; but one that is refused because the one before it is missing waits
/// for that one, whose first try was lost, and goes again behind it.
/// </summary>
internal sealed class AppendLines
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(TopicName Topic, int Partition, long Producer), Task> _ends = [];

    public async Task<AppendResult> InLine(AppendRequest request, Func<Task<AppendResult>> send, CancellationToken cancel)
    {
        if (ProducerOf(request) is not { } producer)
            return await send();
        var line = (request.Topic, request.Partition, producer);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task? before;
        lock (_gate)
        {
            before = _ends.GetValueOrDefault(line);
            _ends[line] = done.Task;
        }

        try
        {
            return await send();
        }
        catch (MqException gap) when (gap.Code is ErrorCodes.SequenceGap or ErrorCodes.ProducerUnknown && before is not null)
        {
            await before.WaitAsync(cancel);
            return await send();
        }
        finally
        {
            done.SetResult();
            lock (_gate)
            {
                if (_ends.TryGetValue(line, out var end) && end == done.Task)
                    _ends.Remove(line);
            }
        }
    }

    private static long? ProducerOf(AppendRequest request)
    {
        if (request.Producer is { } producer)
            return producer.Id;
        return RecordBatch.TryRead(request.Batch, out var batch) == BatchReadStatus.Done && batch.ProducerId >= 0 ? batch.ProducerId : null;
    }
}

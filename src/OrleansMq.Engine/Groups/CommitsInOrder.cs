namespace OrleansMq.Engine.Groups;

/// <summary>
/// Commits of one group, in each position one after the other in the order in which they came: one that is tried again while its partition is away can't come behind a later
/// one and take the cursor back. Of those that wait behind one another only the last is sent, so nobody waits for more than two.
/// </summary>
internal sealed class CommitsInOrder(Func<GroupOffset, Task<MqError?>> send)
{
    private readonly Lock _gate = new();

    /// <summary>What waits, of each position in which a commit is under way.</summary>
    private readonly Dictionary<(TopicName Topic, int Partition), List<Waiting>> _positions = [];

    public Task<MqError?> Add(GroupOffset offset)
    {
        var waiting = new Waiting(offset, new TaskCompletionSource<MqError?>());
        var position = (offset.Topic, offset.Partition);
        lock (_gate)
        {
            if (_positions.TryGetValue(position, out var behind))
            {
                behind.Add(waiting);
                return waiting.Answer.Task;
            }

            _positions[position] = [];
        }

        _ = Run(position, [waiting]);
        return waiting.Answer.Task;
    }

    private async Task Run((TopicName Topic, int Partition) position, List<Waiting>? next)
    {
        for (; next is not null; next = TakeNext(position))
            await Send(next);
    }

    private List<Waiting>? TakeNext((TopicName Topic, int Partition) position)
    {
        lock (_gate)
        {
            var next = _positions[position];
            if (next.Count == 0)
            {
                _positions.Remove(position);
                return null;
            }

            _positions[position] = [];
            return next;
        }
    }

    /// <summary>Where the last of them does is where all of them end. One that names no place in the log says nothing about those before it.</summary>
    private async Task Send(List<Waiting> commits)
    {
        for (var last = commits.Count - 1; last >= 0; last--)
        {
            try
            {
                var error = await send(commits[last].Offset);
                var alone = error is { Code: ErrorCodes.OffsetOutOfRange };
                for (var i = alone ? last : 0; i <= last; i++)
                    commits[i].Answer.SetResult(error);
                if (!alone)
                    return;
            }
            catch (Exception fault)
            {
                for (var i = 0; i <= last; i++)
                    commits[i].Answer.SetException(fault);
                return;
            }
        }
    }

    private readonly record struct Waiting(GroupOffset Offset, TaskCompletionSource<MqError?> Answer);
}

using OrleansMq.Engine.Turns;

namespace OrleansMq.Engine.Groups;

/// <summary>Partitions that came when the topic grew. In a group by key one of them waits for the one before it: <see cref="Releases"/>.</summary>
public sealed partial class QueueDispatcher
{
    private readonly Releases _releases;
    private readonly SharedOrAlone _cursors = new();

    /// <summary>There are more partitions now, which <see cref="Releases"/> knows.</summary>
    public void Grow(int partitions)
    {
        lock (_gate)
        {
            var before = _mayHave.Length;
            if (partitions <= before)
                return;
            Array.Resize(ref _mayHave, partitions);
            Array.Resize(ref _inFlight, partitions);
            Array.Resize(ref _holders, partitions);
            Array.Resize(ref _raised, partitions);
            for (var partition = before; partition < partitions; partition++)
                Flag(partition);
            WakeWhoMayTake();
        }
    }

    /// <summary>
    /// Sets cursors while nothing is given out: a partition that was found released before would be asked after, and give what stands behind messages that wait again.
    /// </summary>
    public Task Seek(Func<Task> seek) => _cursors.Alone(async () =>
    {
        try
        {
            await seek();
        }
        finally
        {
            _withoutStates.Clear();
        }
    });

    /// <summary>Those that may wait for a partition to be drained are to be looked at again. Under the lock.</summary>
    private void FlagSuccessors(int partition)
    {
        if (!_settings.ByKey)
            return;
        // Those that are not here yet are flagged when they come.
        foreach (var waiting in _releases.WaitingFor(partition).Where(waiting => waiting < _mayHave.Length))
            Flag(waiting);
    }

    /// <summary>Whether its messages' turn has come. Where the partition before it does not say, it is asked again as every partition is that can't be reached.</summary>
    private async ValueTask<bool> IsReleased(int partition) => !_settings.ByKey || await _releases.IsReleased(partition) is true;
}

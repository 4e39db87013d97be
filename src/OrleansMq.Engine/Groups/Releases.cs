using OrleansMq.Core.Catalog;

namespace OrleansMq.Engine.Groups;

/// <summary>
/// Which partitions of a grown topic a group with an order may have: one that took keys over waits until the group has settled all that stood of them in the partition before it.
/// </summary>
/// <remarks>What was found drained stays so until cursors are set back (<see cref="Forget"/>). Thread-safe; partitions are asked without the lock.</remarks>
public sealed class Releases(GroupName group, PartitionLineage lineage, Func<int, ValueTask<IGroupPartition>> open)
{
    private readonly Lock _gate = new();
    private readonly HashSet<int> _released = [];
    private PartitionLineage _lineage = lineage;
    private int _waiting = Waiting(lineage);
    private int _seeks;

    /// <summary>How often all was forgotten: an answer of before says nothing of now.</summary>
    public int Seeks
    {
        get
        {
            lock (_gate)
                return _seeks;
        }
    }

    public int Partitions
    {
        get
        {
            lock (_gate)
                return _lineage.Count;
        }
    }

    public void Grow(PartitionLineage lineage)
    {
        lock (_gate)
            (_lineage, _waiting) = (lineage, Waiting(lineage));
    }

    /// <summary>The partitions that had this one's keys before it, the last first.</summary>
    public List<int> PredecessorsOf(int partition)
    {
        var predecessors = new List<int>();
        lock (_gate)
            for (var at = partition; _lineage.PredecessorOf(at) is { } before; at = before)
                predecessors.Add(before);
        return predecessors;
    }

    /// <summary>Those of them that had the key, too.</summary>
    public List<int> PredecessorsOf(int partition, ReadOnlySpan<byte> key) => TookOver(partition, key) ? PredecessorsOf(partition) : [];

    /// <summary>Whether the key was another partition's before.</summary>
    public bool TookOver(int partition, ReadOnlySpan<byte> key)
    {
        lock (_gate)
            return _lineage.TookOver(partition, key);
    }

    /// <summary>Cursors were set anew: what was drained may not be any more.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _released.Clear();
            _seeks++;
        }
    }

    /// <summary>Those that may be released when something is settled in a partition: its successors, and theirs while they wait for it.</summary>
    public IEnumerable<int> WaitingFor(int partition)
    {
        lock (_gate)
            return _released.Count == _waiting ? [] : [.. Enumerable.Range(partition + 1, Math.Max(0, _lineage.Count - partition - 1)).Where(other => Waits(other, partition))];
    }

    /// <summary>Those that wait for another at first.</summary>
    private static int Waiting(PartitionLineage lineage) => lineage.Earlier.Count == 0 ? 0 : Enumerable.Range(0, lineage.Count).Count(partition => lineage.PredecessorOf(partition) is not null);

    private bool Waits(int partition, int on) =>
        !_released.Contains(partition) && _lineage.PredecessorOf(partition) is { } before && (before == on || Waits(before, on));

    /// <returns>Null: the partition before it, or one before that, does not say; it is to be asked again.</returns>
    public async ValueTask<bool?> IsReleased(int partition)
    {
        int before, seeks;
        lock (_gate)
        {
            if (_released.Contains(partition) || _lineage.PredecessorOf(partition) is not { } found)
                return true;
            (before, seeks) = (found, _seeks);
        }

        try
        {
            // What its predecessor took over from its own comes before.
            if (await IsReleased(before) is not true and var waits)
                return waits;
            if (!await (await open(before)).IsDrained(group, partition))
                return false;
        }
        catch (MqException)
        {
            // Away, damaged, or gone with its topic.
            return null;
        }

        lock (_gate)
        {
            if (seeks == _seeks)
            {
                _released.Add(partition);
                return true;
            }
        }

        return await IsReleased(partition);
    }
}

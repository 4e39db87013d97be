using OrleansMq.Core.Catalog;

namespace OrleansMq.Engine.Groups;

/// <summary>
/// Partitions that came when the topic grew. In a group by key one of them waits until its predecessor is drained: until the group has settled all that stood there of the keys
/// that it took over.
/// </summary>
public sealed partial class QueueDispatcher
{
    /// <summary>Whether a partition waits for none (any more); asked again after a seek. Kept only by key.</summary>
    private bool[] _released;

    /// <summary>Counts what forgets <see cref="_released"/>, so that an answer of before changes nothing.</summary>
    private int _seeks;

    private PartitionLineage _lineage;

    public void Grow(PartitionLineage lineage)
    {
        lock (_gate)
        {
            var before = _mayHave.Length;
            if (lineage.Count <= before)
                return;
            Array.Resize(ref _mayHave, lineage.Count);
            Array.Resize(ref _inFlight, lineage.Count);
            Array.Resize(ref _holders, lineage.Count);
            Array.Resize(ref _released, lineage.Count);
            Array.Fill(_mayHave, true, before, lineage.Count - before);
            _lineage = lineage;
            WakeOne();
        }
    }

    /// <summary>Cursors were set anew: what was drained may not be any more.</summary>
    public void Sought()
    {
        lock (_gate)
        {
            Array.Clear(_released);
            _seeks++;
        }
    }

    /// <summary>Those that may wait for a partition to be drained are to be looked at again. Under the lock.</summary>
    private void FlagSuccessors(int partition)
    {
        if (!_settings.ByKey || _lineage.Earlier.Count == 0)
            return;
        for (var other = partition + 1; other < _released.Length; other++)
            if (!_released[other] && _lineage.PredecessorOf(other) is { } before && (before == partition || !_released[before]))
                _mayHave[other] = true;
    }

    /// <summary>Whether its messages' turn has come. What its predecessor took over from its own comes before.</summary>
    private async ValueTask<bool> IsReleased(int partition)
    {
        int before, seeks;
        lock (_gate)
        {
            if (!_settings.ByKey || _released[partition] || _lineage.PredecessorOf(partition) is not { } found)
                return true;
            (before, seeks) = (found, _seeks);
        }

        if (!await IsReleased(before) || !await (await _open(before)).IsDrained(_group, partition))
            return false;
        lock (_gate)
        {
            if (seeks == _seeks)
                return _released[partition] = true;
        }

        return await IsReleased(partition);
    }
}

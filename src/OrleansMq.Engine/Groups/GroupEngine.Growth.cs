using OrleansMq.Core.Catalog;

namespace OrleansMq.Engine.Groups;

/// <summary>
/// Partitions that came when the topic grew. A log-style group shares out each of them only when its predecessor is drained: when the group has committed all that stood there of
/// the keys that it took over. That makes a new generation, so that members join again and get it.
/// </summary>
/// <remarks>Invariant: which partitions a generation shares is stored with it; in one generation it never changes.</remarks>
public sealed partial class GroupEngine
{
    /// <summary>Known to wait for none any more; asked again after a seek. Under the gate.</summary>
    private readonly HashSet<int> _released = [];

    public int Partitions => _lineage.Count;

    /// <summary>The topic has more partitions now; the group's cursors are there.</summary>
    public async Task Grow(PartitionLineage lineage)
    {
        if (lineage.Count <= _lineage.Count)
            return;
        _lineage = lineage;
        Queue?.Grow(lineage);
        if (Queue is null && _document.Membership.Count > 0)
            await WithGate(() => Share());
    }

    /// <summary>How many partitions the present generation was shared of; the first number that the topic had, where it was never said.</summary>
    private int SharedOf => _document.SharedOf ?? (_lineage.Earlier.Count > 0 ? _lineage.Earlier[0].Partitions : Partitions);

    /// <summary>Members wait for a partition that they might get.</summary>
    private bool MayRelease => Queue is null && _document.Membership.Count > 0 && (SharedOf < Partitions || _document.Held.Count > 0);

    /// <summary>Looks which partitions can be shared out, and begins a generation where they are others than before. Under the gate.</summary>
    /// <param name="anew">Cursors were set: also those that are shared out may have to wait again.</param>
    private async Task Share(bool anew = false)
    {
        var lineage = _lineage;
        if (SharedOf == lineage.Count && _document.Held.Count == 0 && !anew)
            return;
        var held = new List<int>();
        for (var p = 0; p < lineage.Count; p++)
            if (!await IsReleased(lineage, p))
                held.Add(p);
        if (SharedOf == lineage.Count && held.SequenceEqual(_document.Held))
            return;
        if (_document.Membership.Count > 0)
            _document.Membership.Regenerate();
        await Save(_document with { SharedOf = lineage.Count, Held = held, LastUsedMs = NowMs });
    }

    private async ValueTask<bool> IsReleased(PartitionLineage lineage, int partition)
    {
        if (_released.Contains(partition) || lineage.PredecessorOf(partition) is not { } before)
            return true;
        try
        {
            // What its predecessor took over from its own comes before.
            if (!await IsReleased(lineage, before) || !await (await _open(before)).IsDrained(Name, partition))
                return false;
            _released.Add(partition);
            return true;
        }
        catch (MqException away) when (away.Code is ErrorCodes.PartitionUnavailable or ErrorCodes.PartitionDamaged or ErrorCodes.OutcomeUnknown)
        {
            // It is asked again with the next heartbeat.
            return false;
        }
    }

    private async Task Sought()
    {
        if (Queue is not null || _lineage.Earlier.Count == 0)
            return;
        await WithGate(async () =>
        {
            _released.Clear();
            await Share(anew: true);
        });
    }

    private Assignment AssignmentOf(string member)
    {
        var shared = Shared();
        var share = _document.Membership.AssignmentOf(member, shared.Count, Settings.MaxActive);
        return share with { Partitions = [.. share.Partitions.Select(at => shared[at])] };
    }

    private List<GroupMember> DescribeMembers()
    {
        var shared = Shared();
        return [.. _document.Membership.Describe(shared.Count, Settings.MaxActive).Select(member => member with { Partitions = [.. member.Partitions.Select(at => shared[at])] })];
    }

    /// <summary>The partitions that the present generation shares, ascending.</summary>
    private List<int> Shared() => [.. Enumerable.Range(0, SharedOf).Except(_document.Held).Order()];

    private async Task WithGate(Func<Task> act)
    {
        await _gate.WaitAsync();
        try
        {
            await act();
        }
        finally
        {
            _gate.Release();
        }
    }
}

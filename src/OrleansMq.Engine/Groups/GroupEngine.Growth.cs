using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Groups;

/// <summary>
/// Partitions that came when the topic grew. A log-style group shares out each of them only when its predecessor is drained: when the group has committed all that stood there of
/// the keys that it took over (<see cref="Releases"/>). That makes a new generation, so that members join again and get it.
/// </summary>
/// <remarks>
/// Invariant: which partitions a generation shares is stored with it; in one generation it never changes. Partitions are asked without the gate, by one caller at a time and not for
/// long: one that does not answer holds up its successors, and no member's heartbeat.
/// </remarks>
public sealed partial class GroupEngine
{
    /// <summary>A call waits so long for what partitions say, and goes on with what was known.</summary>
    internal static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(2);

    private readonly Releases _releases;

    /// <summary>
    /// <see cref="Releases.Seeks"/> as it was when what is stored was found. Another number: cursors were set since, and also those that are shared out may have to wait again. At first it is none,
    /// for nobody knows whether what was found behind a seek came to be stored.
    /// </summary>
    private volatile int _sharedAtSeeks = -1;

    private volatile Task<Looked> _looking = Task.FromResult(new Looked(PartitionLineage.Of(0), 0, []));

    public int Partitions => _lineage.Count;

    /// <summary>The topic has more partitions now; the group's cursors are there.</summary>
    public Task Grow(PartitionLineage lineage)
    {
        if (lineage.Count <= _lineage.Count)
            return Task.CompletedTask;
        _releases.Grow(lineage);
        _lineage = lineage;
        Queue?.Grow(lineage.Count);
        return Release();
    }

    /// <summary>How many partitions the present generation was shared of; the first number that the topic had, where it was never said.</summary>
    private int SharedOf => _document.SharedOf ?? (_lineage.Earlier.Count > 0 ? _lineage.Earlier[0].Partitions : Partitions);

    private bool IsSought => _lineage.Earlier.Count > 0 && _releases.Seeks != _sharedAtSeeks;

    /// <summary>Other partitions than the present generation's may have to be shared.</summary>
    private bool MayRelease => Queue is null && (SharedOf < Partitions || _document.Held.Count > 0 || IsSought);

    /// <summary>Looks which partitions can be shared out, where members wait for it; behind a seek at once, for who joins later must find it stored.</summary>
    private async Task Release()
    {
        if (MayRelease && (IsSought || _document.Membership.Count > 0) && await Look() is { } looked)
            await WithGate(() => Share(looked));
    }

    /// <summary>The same behind what is done: the caller must not hear that it is not. The next heartbeat or commit looks again.</summary>
    private async Task ReleaseAfter()
    {
        try
        {
            await Release();
        }
        catch (Exception unstored) when (unstored is StorageException or MqException)
        {
            // Whoever beats next hears of it, if it is still so.
        }
    }

    /// <param name="Held">Those that wait.</param>
    private sealed record Looked(PartitionLineage Lineage, int Seeks, List<int> Held);

    /// <returns>Null: it is not known in time, or somebody else is looking; a later heartbeat looks again.</returns>
    private async Task<Looked?> Look()
    {
        if (!_looking.IsCompleted)
            return null;
        var looking = _looking = LookAtAll();
        using var limit = new CancellationTokenSource(LookLimit, _time);
        try
        {
            return await looking.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private async Task<Looked> LookAtAll()
    {
        var (lineage, seeks) = (_lineage, _releases.Seeks);
        var (held, away) = (new List<int>(), new HashSet<int>());
        for (var p = 0; p < lineage.Count; p++)
        {
            // One that does not answer is not asked for each of its successors.
            var released = lineage.PredecessorOf(p) is { } before && away.Contains(before) ? null : await _releases.IsReleased(p);
            if (released is not true)
                held.Add(p);
            if (released is null && lineage.PredecessorOf(p) is { } silent)
                away.Add(silent);
        }

        return new Looked(lineage, seeks, held);
    }

    /// <summary>Begins a generation where other partitions can be shared than before. Under the gate.</summary>
    private async Task Share(Looked? looked)
    {
        if (looked is null || looked.Lineage != _lineage || looked.Seeks != _releases.Seeks)
            return;
        if (SharedOf != looked.Lineage.Count || !looked.Held.SequenceEqual(_document.Held))
        {
            if (_document.Membership.Count > 0)
                _document.Membership.Regenerate();
            await Save(_document with { SharedOf = looked.Lineage.Count, Held = looked.Held, LastUsedMs = NowMs });
        }

        _sharedAtSeeks = looked.Seeks;
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

using System.Collections.Immutable;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Transactions;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Transactions over several partitions, at this one.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>Where those readers stop that see only what is decided.</summary>
    public long StableEnd => _visible.Stable;

    /// <summary>A coordinator that is at work ends what runs out by itself; it is asked so much later.</summary>
    private const long AskAfterMs = 2_000;

    /// <summary>And again so often.</summary>
    private const long AskAgainMs = 5_000;

    private long _askedMs = -AskAgainMs;

    private long NextTransactionMs => _state.Transactions.NextDueMs is { } due ? Math.Max(due + AskAfterMs, _askedMs + AskAgainMs) : long.MaxValue;

    /// <summary>Lets batches of the producer's transaction in.</summary>
    public Task BeginTransaction(OpenTransaction begun) => Ask(ReleaseLevel.Durable, (state, frames, now) =>
    {
        RefuseWhileFull(now);
        return state.BeginTransaction(begun, now, frames) is { } error ? throw new MqException(error) : true;
    });

    /// <inheritdoc cref="Partition.EndTransaction"/>
    public Task EndTransaction(ProducerIdentity producer, TransactionOutcome outcome, long term) => Ask(ReleaseLevel.Durable, (state, frames, now) =>
    {
        RefuseWhileFull(now);
        state.EndTransaction(producer, outcome, term, now, frames);
        return true;
    });

    /// <summary>Transactions whose time is over hold readers back until somebody ends them. In a turn.</summary>
    private void AskAboutTransactions()
    {
        var now = _clock.NowMs;
        if (NextTransactionMs > now)
            return;
        _askedMs = now;
        foreach (var open in _state.Transactions.Overdue(now - AskAfterMs))
            _topic.TransactionOverdue(this, open);
    }

    /// <summary>Transactions that were aborted and reach into a range of offsets, in the order of their first offsets.</summary>
    private static List<AbortedTransaction> AbortedWithin(ImmutableList<AbortedRange> aborted, long from, long end)
    {
        var found = new List<AbortedTransaction>();
        for (var i = FirstEndedFrom(aborted, from); i < aborted.Count; i++)
            if (aborted[i].First < end)
                found.Add(new AbortedTransaction(aborted[i].ProducerId, aborted[i].First));
        found.Sort((a, b) => a.FirstOffset.CompareTo(b.FirstOffset));
        return found;
    }

    /// <summary>A marker, or of a transaction that was aborted: nobody's message.</summary>
    private static bool IsVoid(in RecordBatch batch, ImmutableList<AbortedRange> aborted)
    {
        if (!batch.IsTransactional)
            return false;
        if (batch.IsControl)
            return true;
        for (var i = FirstEndedFrom(aborted, batch.BaseOffset); i < aborted.Count; i++)
            if (aborted[i].ProducerId == batch.ProducerId)
                return aborted[i].First <= batch.BaseOffset;
        return false;
    }

    /// <summary>The place of the first whose marker stands at or behind an offset.</summary>
    private static int FirstEndedFrom(ImmutableList<AbortedRange> aborted, long offset)
    {
        var found = aborted.BinarySearch(new AbortedRange(0, 0, offset), Comparer<AbortedRange>.Create((a, b) => a.Last.CompareTo(b.Last)));
        return found < 0 ? ~found : found;
    }

    /// <summary>Leases on what is nobody's message are settled as soon as that is known, so that the group goes past it.</summary>
    private Task<bool> SettleVoid(GroupName name, IReadOnlyCollection<long> offsets) => Ask(ReleaseLevel.Decided, (state, frames, now) =>
    {
        if (state.FindGroup(name) is { IsLog: false } group)
        {
            state.SettleVoid(group, Lane.Main, offsets, now, frames);
            CursorMoved(group);
        }

        return true;
    });
}

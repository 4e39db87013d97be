using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Filters;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Partitions;

namespace OrleansMq.Server.Partitions;

/// <summary>What clients ask.</summary>
internal sealed partial class PartitionGrain
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private Task<RecordOutcome?[]> FindEarlierIn(int ancestor, TokenHash?[] tokens) =>
        GrainCalls.Ask(() => GrainFactory.GetGrain<IPartitionOwner>(GrainKeys.Partition(_topicId, _topicName, ancestor)).FindEarlier(tokens));

    public Task<PartitionBlock> Read(ReadTerms terms, CancellationToken cancel) => On(async engine =>
    {
        if (terms.MaxBytes <= 0)
            return new PartitionBlock([], engine.Start, engine.End, engine.StableEnd, []);
        if (terms.DeadLettersOf is { } group)
        {
            return await ReadDeadLetters(engine, group, terms, cancel);
        }

        if (terms.Wait <= TimeSpan.Zero)
            return await ReadNow(engine, terms, cancel);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _leaving.Token);
        var waiter = new ReadWaiter();
        // Registered before the look, so that what comes while looking wakes us.
        engine.AddWaiter(waiter);
        try
        {
            var block = await ReadNow(engine, terms, cancel);
            if (block.Batches.Length > 0 || _leaving.IsCancellationRequested)
                return block;
            await waiter.Wait(terms.Wait, _silo.Time, either.Token);
            return await ReadNow(engine, terms, cancel);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // The partition leaves: who waits asks again where it is then.
            return new PartitionBlock([], engine.Start, engine.End, engine.StableEnd, []);
        }
        finally
        {
            engine.RemoveWaiter(waiter);
        }
    });

    /// <summary>A dead letter gives no signal to who waits for it: it is looked for again after a second.</summary>
    private async Task<PartitionBlock> ReadDeadLetters(PartitionEngine engine, GroupName group, ReadTerms terms, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _leaving.Token);
        for (var isLast = terms.Wait <= TimeSpan.Zero; ; isLast = true)
        {
            var (letters, start, end) = await engine.ReadDeadLetters(group, terms.Offset, Math.Max(1, terms.MaxBytes), ThroughOf(terms, cancel));
            if (isLast || letters.Length > 0 || either.IsCancellationRequested)
                return new PartitionBlock(letters, start, end, end, []);
            var wait = Task.Delay(terms.Wait < LookAgain ? terms.Wait : LookAgain, _silo.Time, either.Token);
            // Cancelled, it looks a last time.
            await Task.WhenAny(wait);
        }
    }

    /// <summary>An older client says nothing of how much may be looked through.</summary>
    private static ReadThrough ThroughOf(in ReadTerms terms, CancellationToken cancel) =>
        new(terms.Filter, terms.Group, terms.MaxLooked > 0 ? terms.MaxLooked : FilterLimits.MaxBytesOfRead, cancel);

    private static async Task<PartitionBlock> ReadNow(PartitionEngine engine, ReadTerms terms, CancellationToken cancel)
    {
        using var read = await engine.Read(terms.Offset, terms.MaxBytes, terms.Isolation, ThroughOf(terms, cancel));
        return new PartitionBlock(read.Batches.ToArray(), engine.Start, read.End, read.Stable, [.. read.Aborted]);
    }

    public Task<long> FindOffset(StartAt at, GroupName? deadLettersOf) => On(async engine =>
        deadLettersOf is { } group ? await engine.FindDeadLetter(group, at) : await engine.FindOffset(at));

    public Task<long> DeleteBefore(long offset) => On(engine => engine.DeleteBefore(offset));

    public Task<string?[]> Settle(GroupName group, Settlement settlement) => On(engine =>
    {
        SettlementRules.Check(settlement);
        if (settlement.Lease is { } lease)
            CatalogLimits.Lease.Check(lease);
        return engine.Settle(group, settlement, settlement.Leases, null);
    });
}

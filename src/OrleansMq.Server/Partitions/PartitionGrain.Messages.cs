using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Partitions;

namespace OrleansMq.Server.Partitions;

/// <summary>What clients ask.</summary>
internal sealed partial class PartitionGrain
{
    public Task<AppendResult> Append(byte[] batch, AppendTerms terms) => On(async engine =>
    {
        var topic = await View();
        var request = new AppendRequest { Topic = _topicName, Partition = _number, Batch = batch, Rich = terms.Rich, Producer = terms.Producer };
        var admissible = BatchAdmission.Check(request, topic.Settings);
        await _silo.Producers.RefuseFenced(admissible.Producer);
        var result = await engine.Append(admissible, LevelOf(terms.Acks, topic.Settings), terms.Client, terms.Wait);
        _metrics.Appended(batch.Length);
        return result;
    });

    private Acks LevelOf(Acks? requested, TopicSettings settings)
    {
        var level = requested ?? settings.Acks ?? _silo.Options.DefaultAcks;
        return settings.Acks is { } least && least > level ? least : level;
    }

    public Task<PartitionBlock> Read(ReadTerms terms, CancellationToken cancel) => On(async engine =>
    {
        var maxBytes = Math.Max(1, terms.MaxBytes);
        if (terms.DeadLettersOf is { } group)
        {
            var (letters, start, end) = await engine.ReadDeadLetters(group, terms.Offset, maxBytes);
            return new PartitionBlock(letters, start, end, end, []);
        }

        if (terms.Wait <= TimeSpan.Zero)
            return await ReadNow(engine, terms, maxBytes);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _leaving.Token);
        var waiter = new ReadWaiter();
        // Registered before the look, so that what comes while looking wakes us.
        engine.AddWaiter(waiter);
        try
        {
            var block = await ReadNow(engine, terms, maxBytes);
            if (block.Batches.Length > 0 || _leaving.IsCancellationRequested)
                return block;
            await waiter.Wait(terms.Wait, _silo.Time, either.Token);
            return await ReadNow(engine, terms, maxBytes);
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

    private static async Task<PartitionBlock> ReadNow(PartitionEngine engine, ReadTerms terms, int maxBytes)
    {
        using var read = await engine.ReadBatches(terms.Offset, maxBytes, terms.Isolation);
        return new PartitionBlock(read.Batches.ToArray(), engine.Start, engine.End, read.Stable, [.. read.Aborted]);
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

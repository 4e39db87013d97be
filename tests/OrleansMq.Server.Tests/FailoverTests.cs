using System.Collections.Concurrent;
using System.Globalization;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>A cluster of its own for each story, for silos are lost in it.</summary>
public sealed class FailoverTests : IAsyncLifetime
{
    private readonly ThreeSilos _cluster = new();

    public Task InitializeAsync() => _cluster.InitializeAsync();

    public Task DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task WhatWasAcknowledgedSurvivesAKilledSiloOnceAndInOrder()
    {
        var broker = _cluster.Outside;
        const int partitions = 6;
        await broker.PutTopic("t", new() { Partitions = partitions });
        using var enough = new CancellationTokenSource();
        var acknowledged = new ConcurrentDictionary<int, List<int>>();
        var producers = Enumerable.Range(0, partitions).Select(p => Produce(broker, p, acknowledged.GetOrAdd(p, []), enough.Token)).ToList();
        await Until(() => acknowledged.Values.All(list => list.Count > 20));

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos[1]);

        var before = acknowledged.ToDictionary(each => each.Key, each => each.Value.Count);
        await Until(() => acknowledged.All(each => each.Value.Count > before[each.Key] + 20));
        await enough.CancelAsync();
        await Task.WhenAll(producers);
        for (var p = 0; p < partitions; p++)
        {
            var stored = await Numbers(broker, p);
            Assert.Equal(stored.Order().Distinct(), stored);
            Assert.Empty(acknowledged[p].Except(stored));
        }
    }

    [Fact]
    public async Task AQueueIsDrainedOverAKilledSilo()
    {
        var broker = _cluster.Outside;
        await broker.PutTopic("t", new() { Partitions = 4 });
        await broker.PutGroup("t", "g", new() { Lease = TimeSpan.FromSeconds(2), Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.Zero]) });
        await broker.Publish("t", [.. Enumerable.Range(0, 400).Select(i => Message.OfText(Text(i), Text(i)))]);
        var settled = new ConcurrentDictionary<string, bool>();
        using var enough = new CancellationTokenSource();
        var consumers = Enumerable.Range(0, 3).Select(c => Consume(broker, $"c{c}", settled, enough.Token)).ToList();
        await Until(() => settled.Count > 50);

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos[2]);

        await Until(() => settled.Count == 400);
        await enough.CancelAsync();
        await Task.WhenAll(consumers);
        Assert.Equal(0, (await broker.DescribeGroup("t", "g")).Partitions.Sum(partition => partition.Lag));
    }

    [Fact]
    public async Task ASiloThatStopsInGoodOrderIsNotNoticedByItsClients()
    {
        var broker = _cluster.Outside;
        await broker.PutTopic("t", new() { Partitions = 6 });
        using var enough = new CancellationTokenSource();
        var acknowledged = new ConcurrentDictionary<int, List<int>>();
        var producers = Enumerable.Range(0, 6).Select(p => Produce(broker, p, acknowledged.GetOrAdd(p, []), enough.Token)).ToList();
        await Until(() => acknowledged.Values.All(list => list.Count > 10));

        await _cluster.Cluster.StopSiloAsync(_cluster.Cluster.Silos[1]);

        var before = acknowledged.ToDictionary(each => each.Key, each => each.Value.Count);
        await Until(() => acknowledged.All(each => each.Value.Count > before[each.Key] + 10));
        await enough.CancelAsync();
        // A producer throws what reaches it.
        await Task.WhenAll(producers);
        Assert.Equal(2, (await broker.DescribeCluster()).Nodes.Count);
    }

    [Fact]
    public async Task ASiloThatJoinsTakesItsShareOfThePartitions()
    {
        var broker = _cluster.Outside;
        await broker.PutTopic("t", new() { Partitions = 12 });
        var before = await Owners(broker);
        Assert.Equal([4, 4, 4], before);

        await _cluster.Cluster.StartAdditionalSiloAsync();

        await Until(async () => (await Owners(broker)) is [3, 3, 3, 3]);
        Assert.Equal(4, (await broker.DescribeCluster()).Nodes.Count);
    }

    [Fact]
    public async Task WhatComesDueIsServedThoughItsPartitionSleeps()
    {
        await LeaseItsLastDelivery();

        await Grains.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);

        Assert.Null(await WherePartitionIsOpen());
        // Nobody asks for it: it is woken when the lease is over.
        await Until(async () => await WherePartitionIsOpen() is not null);
        await Until(async () => (await _cluster.Outside.DescribeGroup("t", "g")).Partitions[0].DeadLetters == 1);
    }

    [Fact]
    public async Task WhatComesDueIsServedThoughTheSiloOfItsPartitionIsLost()
    {
        await LeaseItsLastDelivery();
        var lost = await WherePartitionIsOpen();

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos.Single(silo => silo.SiloAddress.Equals(lost)));

        await Until(async () => await WherePartitionIsOpen() is { } now && !now.Equals(lost));
        await Until(async () => (await _cluster.Outside.DescribeGroup("t", "g")).Partitions[0].DeadLetters == 1);
    }

    private IGrainFactory Grains => _cluster.Cluster.Client;

    /// <summary>A message that goes to dead letters when its lease is over.</summary>
    private async Task LeaseItsLastDelivery()
    {
        var broker = _cluster.Outside;
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Lease = TimeSpan.FromSeconds(5), MaxDeliveries = 1 });
        await broker.Publish("t", [Message.OfText("once")]);
        Assert.Single(await broker.Receive("t", "g", new() { Wait = TimeSpan.FromSeconds(10) }));
    }

    /// <summary>Asked without opening it.</summary>
    private async Task<SiloAddress?> WherePartitionIsOpen()
    {
        try
        {
            var all = await Grains.GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics();
            return all.FirstOrDefault(grain => grain.GrainId.Key.ToString()!.EndsWith("/t/0", StringComparison.Ordinal))?.SiloAddress;
        }
        catch (Exception lost) when (lost is OrleansException or TimeoutException)
        {
            // A silo that is asked is being lost.
            return null;
        }
    }

    /// <summary>How many partitions each silo has.</summary>
    private static async Task<int[]> Owners(IBroker broker) =>
        [.. (await broker.DescribeTopic("t")).Partitions.GroupBy(partition => partition.Owner).Select(owner => owner.Count()).Order()];

    /// <summary>Numbers, one after the other, of an idempotent producer.</summary>
    private static async Task Produce(IBroker broker, int partition, List<int> acknowledged, CancellationToken cancel)
    {
        var producer = await broker.OpenProducer(cancel: CancellationToken.None);
        for (var i = 0; !cancel.IsCancellationRequested; i++)
        {
            var batch = new RecordBatchBuilder(100);
            MessageCodec.Append(batch, Message.OfText(Text(i)) with { ContentType = null }, 1);
            await broker.Append(
                new() { Topic = "t", Partition = partition, Batch = batch.ToArray(), Producer = new(producer.Id, producer.Epoch, i) }, CancellationToken.None);
            lock (acknowledged)
                acknowledged.Add(i);
        }
    }

    private static async Task Consume(IBroker broker, string name, ConcurrentDictionary<string, bool> settled, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var deliveries = await broker.Receive("t", "g", new() { Max = 10, Wait = TimeSpan.FromSeconds(1), Consumer = name }, CancellationToken.None);
            if (deliveries.Count == 0)
                continue;
            var results = await broker.Settle("t", "g", Settlement.Acknowledge([.. deliveries.Select(delivery => delivery.Lease)]), CancellationToken.None);
            for (var i = 0; i < results.Count; i++)
                if (results[i].Ok)
                    settled[deliveries[i].BodyText] = true;
        }
    }

    private static async Task<List<int>> Numbers(IBroker broker, int partition) =>
        [.. (await broker.ReadAll("t", partition)).Select(message => int.Parse(message.BodyText, CultureInfo.InvariantCulture))];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Task Until(Func<bool> condition) => Until(() => Task.FromResult(condition()));

    /// <summary>What happens inside a cluster gives no signal: it is looked at.</summary>
    private static async Task Until(Func<Task<bool>> condition)
    {
        var since = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(60), "A minute was not enough.");
            await Task.Delay(20);
        }
    }
}

using System.Collections.Concurrent;
using System.Globalization;
using OrleansMq.Records;
using OrleansMq.Server.Deadlines;
using OrleansMq.Server.Partitions;
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
        await BrokerCluster.Until(() => acknowledged.Values.All(list => list.Count > 20));

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos[1]);

        var before = acknowledged.ToDictionary(each => each.Key, each => each.Value.Count);
        await BrokerCluster.Until(() => acknowledged.All(each => each.Value.Count > before[each.Key] + 20));
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
        // On a busy machine leases lapse often: none may die of it.
        await broker.PutGroup("t", "g", new() { Lease = TimeSpan.FromSeconds(2), MaxDeliveries = 1_000, Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.Zero]) });
        await broker.Publish("t", [.. Enumerable.Range(0, 400).Select(i => Message.OfText(Text(i), Text(i)))]);
        var given = new ConcurrentDictionary<string, bool>();
        using var enough = new CancellationTokenSource();
        var consumers = Enumerable.Range(0, 3).Select(c => Consume(broker, $"c{c}", given, enough.Token)).ToList();
        await BrokerCluster.Until(() => given.Count > 50);

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos[2]);

        // What was settled and not answered is said to be unknown when it is settled again: the group knows.
        await BrokerCluster.Until(async () => (await broker.DescribeGroup("t", "g")).Partitions is var partitions && partitions.All(partition => partition is { Error: null, Lag: 0 }));
        await enough.CancelAsync();
        await Task.WhenAll(consumers);
        Assert.Equal(400, given.Count);
    }

    [Fact]
    public async Task RequestsAreAnsweredOverAKilledSilo()
    {
        var broker = _cluster.Outside;
        await broker.PutTopic("t", new() { Partitions = 6 });
        await broker.PutGroup("t", "g", new() { Lease = TimeSpan.FromSeconds(2), MaxDeliveries = 1_000, Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.Zero]) });
        await using var responder = broker.Respond("t", "g", (request, _) => Task.FromResult(Message.OfText("re " + request.BodyText)), new() { Workers = 4, ReceiveWait = TimeSpan.FromSeconds(1) });
        // In every partition of the replies someone waits, so that someone's reader is on the silo that is lost.
        var requesters = Enumerable.Range(0, 6).Select(i => broker.CreateRequester(new() { ReplyPartitions = 6, ReplyPartition = i, Timeout = BrokerCluster.Enough })).ToList();
        using var enough = new CancellationTokenSource();
        var answered = new ConcurrentDictionary<string, string>();
        var asking = requesters.Select((requester, i) => Ask(requester, i)).ToList();
        await BrokerCluster.Until(() => answered.Count > 60);

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos[1]);

        var before = answered.Count;
        await BrokerCluster.Until(() => answered.Count > before + 60);
        await enough.CancelAsync();
        await Task.WhenAll(asking);
        Assert.All(answered, each => Assert.Equal("re " + each.Key, each.Value));
        Assert.All(requesters, requester => Assert.Equal((0L, 0L), (requester.Statistics.TimedOut, requester.Statistics.Late)));
        Assert.Equal(answered.Count, (await broker.ReadAll("t")).Count);
        Assert.Equal(answered.Count, (await broker.ReadAll("replies")).Count);
        foreach (var requester in requesters)
            await requester.DisposeAsync();

        // Each request is awaited, so that none is left open at the end.
        async Task Ask(Requester requester, int number)
        {
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                var body = $"{number}-{i}";
                answered[body] = (await requester.Request("t", Message.OfText(body))).BodyText;
            }
        }
    }

    [Fact]
    public async Task WhatWasPassedOverAndKeysThatAreHeldSurviveAKilledSilo()
    {
        var broker = _cluster.Outside;
        const int partitions = 6;
        await broker.PutTopic("t", new() { Partitions = partitions });
        await broker.PutGroup("t", "prio", new() { Priority = true });
        await broker.PutGroup("t", "held", new() { ByKey = true, HoldKeyBehindDeadLetter = true });
        // Each partition has ten of one key, the later five of them urgent.
        await broker.Publish("t", [.. Enumerable.Range(0, 60).Select(i => Message.OfText(Text(i), $"k{i % partitions}") with { Partition = i % partitions, Priority = i < 30 ? 0 : 9 })]);
        var urgent = await Received(broker, "prio", 30, max: 5);
        Assert.All(urgent.Take(5), delivery => Assert.Equal(9, delivery.Priority));
        await broker.Settle("t", "prio", Settlement.Acknowledge([.. urgent.Select(delivery => delivery.Lease)]));
        var first = await Received(broker, "held", partitions, max: 100);
        await broker.Settle("t", "held", Settlement.DeadLetter([.. first.Select(delivery => delivery.Lease)], "poison"));
        await broker.Publish("t", [.. Enumerable.Range(0, partitions).Select(p => Message.OfText($"free {p}", $"free {p}") with { Partition = p })]);

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos[1]);

        Assert.Equal(Enumerable.Range(0, partitions).Select(p => $"free {p}"), (await Received(broker, "held", partitions, max: 100)).Select(delivery => delivery.BodyText).Order());
        Assert.Empty(await broker.Receive("t", "held", new() { Max = 100, Consumer = "c" }));
        Assert.Equal(partitions, await broker.Discard("t", "held", DeadLetterSelection.All));
        Assert.Equal(Enumerable.Range(6, 6).Select(Text).Order(), (await Received(broker, "held", partitions, max: 100)).Select(delivery => delivery.BodyText).Order());
        var rest = await Received(broker, "prio", 36, max: 100);
        Assert.Equal(Enumerable.Range(0, 60).Select(Text).Concat(Enumerable.Range(0, partitions).Select(p => $"free {p}")).Except(urgent.Select(delivery => delivery.BodyText)).Order(), rest.Select(delivery => delivery.BodyText).Order());
    }

    [Fact]
    public async Task AFilterHoldsOverAKilledSiloAndWhatItPassedOverStaysPassedOver()
    {
        var broker = _cluster.Outside;
        const int partitions = 6;
        await broker.PutTopic("t", new() { Partitions = partitions });
        await broker.PutGroup("t", "some", new() { Filter = "mq.priority = 9" });
        Message[] messages = [.. Enumerable.Range(0, 60).Select(i => Message.OfText(Text(i)) with { Partition = i % partitions, Priority = i / partitions % 2 == 0 ? 0 : 9 })];
        await broker.Publish("t", messages);
        var before = await Received(broker, "some", partitions, max: 1);
        await broker.Settle("t", "some", Settlement.Acknowledge([.. before.Select(delivery => delivery.Lease)]));

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos[1]);
        await broker.Publish("t", messages);

        var behind = await Received(broker, "some", 60 - before.Count, max: 100);
        Assert.All(behind, delivery => Assert.Equal(9, delivery.Priority));
        await broker.Settle("t", "some", Settlement.Acknowledge([.. behind.Select(delivery => delivery.Lease)]));
        // What stands behind the last that matches is looked at by one who asks in vain.
        await BrokerCluster.Until(async () =>
        {
            Assert.Empty(await broker.Receive("t", "some", new() { Max = 100, Consumer = "c" }));
            var stands = (await broker.DescribeGroup("t", "some")).Partitions;
            return stands.All(stand => stand is { Error: null, Lag: 0 }) && stands.Sum(stand => stand.Filtered) == 60;
        });
    }

    private static async Task<List<Delivery>> Received(IBroker broker, GroupName group, int count, int max)
    {
        var received = new List<Delivery>();
        await BrokerCluster.Until(async () =>
        {
            received.AddRange(await broker.Receive("t", group, new() { Max = max, Wait = TimeSpan.FromSeconds(1), Consumer = "c" }));
            return received.Count >= count;
        });
        Assert.Equal(count, received.Count);
        return received;
    }

    [Fact]
    public async Task ASiloThatStopsInGoodOrderIsNotNoticedByItsClients()
    {
        var broker = _cluster.Outside;
        await broker.PutTopic("t", new() { Partitions = 6 });
        using var enough = new CancellationTokenSource();
        var acknowledged = new ConcurrentDictionary<int, List<int>>();
        var producers = Enumerable.Range(0, 6).Select(p => Produce(broker, p, acknowledged.GetOrAdd(p, []), enough.Token)).ToList();
        await BrokerCluster.Until(() => acknowledged.Values.All(list => list.Count > 10));

        await _cluster.Cluster.StopSiloAsync(_cluster.Cluster.Silos[1]);

        var before = acknowledged.ToDictionary(each => each.Key, each => each.Value.Count);
        await BrokerCluster.Until(() => acknowledged.All(each => each.Value.Count > before[each.Key] + 10));
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

        await BrokerCluster.Until(async () => (await Owners(broker)) is [3, 3, 3, 3]);
        Assert.Equal(4, (await broker.DescribeCluster()).Nodes.Count);
    }

    [Fact]
    public async Task WhatComesDueIsServedThoughItsPartitionSleeps()
    {
        // Long enough that the partition is seen asleep before it is woken, also on a slow machine.
        await LeaseItsLastDelivery("t", TimeSpan.FromSeconds(30));

        await Grains.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);

        await BrokerCluster.Until(async () => await WhereIs(Partition("t")) is null);
        // Nobody asks for it: it is woken when the lease is over.
        await BrokerCluster.Until(async () => await WhereIs(Partition("t")) is not null);
        await BrokerCluster.Until(async () => await DeadLetters("t") == 1);
    }

    [Fact]
    public async Task WhatComesDueIsServedThoughTheSiloOfItsPartitionIsLostAndOfWhoShouldWakeIt()
    {
        // Partitions and those who wake them are spread: one topic of a few has both in one place.
        for (var i = 0; i < 100; i++)
        {
            var topic = $"t{i}";
            await _cluster.Outside.PutTopic(topic, new());
            await _cluster.Outside.Publish(topic, [Message.OfText("open")]);
            var all = await _cluster.Grains();
            var partition = all.Single(Partition(topic));
            var waker = Grains.GetGrain<IDeadlineGrain>(DeadlineGrain.ShardOf(partition.GrainId.Key.ToString()!)).GetGrainId();
            if (!all.Any(grain => grain.GrainId == waker && grain.SiloAddress.Equals(partition.SiloAddress)))
                continue;

            await LeaseItsLastDelivery(topic, TimeSpan.FromSeconds(30));
            // At once: what is noted is stored a moment later.
            await _cluster.Kill(partition.SiloAddress);

            await BrokerCluster.Until(async () => await WhereIs(Partition(topic)) is { } now && !now.Equals(partition.SiloAddress));
            await BrokerCluster.Until(async () => await DeadLetters(topic) == 1);
            return;
        }

        Assert.Fail("No partition of a hundred is where the one is that wakes it.");
    }

    private IGrainFactory Grains => _cluster.Cluster.Client;

    /// <summary>A message that goes to dead letters when its lease is over.</summary>
    private async Task LeaseItsLastDelivery(string topic, TimeSpan lease)
    {
        var broker = _cluster.Outside;
        await broker.PutTopic(topic, new());
        await broker.PutGroup(topic, "g", new() { Lease = lease, MaxDeliveries = 1 });
        await broker.Publish(topic, [Message.OfText("once")]);
        Assert.NotEmpty(await broker.Receive(topic, "g", new() { Wait = BrokerCluster.Enough, Max = 1 }));
    }

    private async Task<long> DeadLetters(string topic) => (await _cluster.Outside.DescribeGroup(topic, "g")).Partitions[0].DeadLetters;

    private static Func<DetailedGrainStatistic, bool> Partition(string topic) =>
        grain => grain.GrainType.Contains(nameof(PartitionGrain), StringComparison.Ordinal) && grain.GrainId.Key.ToString()!.EndsWith($"/{topic}/0", StringComparison.Ordinal);

    /// <summary>Asked without opening it.</summary>
    private async Task<SiloAddress?> WhereIs(Func<DetailedGrainStatistic, bool> grain)
    {
        var since = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return (await _cluster.Grains()).FirstOrDefault(grain)?.SiloAddress;
            }
            catch (Exception lost) when (lost is OrleansException or TimeoutException && System.Diagnostics.Stopwatch.GetElapsedTime(since) < BrokerCluster.Enough)
            {
                // A silo that is asked is being lost: not known yet.
                await Task.Delay(100);
            }
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

    private static async Task Consume(IBroker broker, string name, ConcurrentDictionary<string, bool> given, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                var deliveries = await broker.Receive("t", "g", new() { Max = 10, Wait = TimeSpan.FromSeconds(1), Consumer = name }, CancellationToken.None);
                foreach (var delivery in deliveries)
                    given[delivery.BodyText] = true;
                if (deliveries.Count > 0)
                    await broker.Settle("t", "g", Settlement.Acknowledge([.. deliveries.Select(delivery => delivery.Lease)]), CancellationToken.None);
            }
            catch (MqException away) when (ErrorCodes.IsRetriable(away.Code))
            {
                // On a busy machine the cluster may need longer than a call is repeated: what was leased comes again.
            }
        }
    }

    private static async Task<List<int>> Numbers(IBroker broker, int partition) =>
        [.. (await broker.ReadAll("t", partition)).Select(message => int.Parse(message.BodyText, CultureInfo.InvariantCulture))];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

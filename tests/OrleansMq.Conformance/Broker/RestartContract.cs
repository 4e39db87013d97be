using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>What was acknowledged, and what was promised on it, is there after the broker was ended in good order and started again.</summary>
public abstract class RestartContract : BrokerContract
{
    /// <summary>A crash instead of an end, for <see cref="CrashContract"/>.</summary>
    protected virtual Task Restart(BrokerUnderTest host) => host.Restart();

    /// <summary>A restart here is one of what is idle: a group that is busy lives on, and remembers an answer as it was, with what was settled since.</summary>
    protected virtual bool GroupsMayLiveOn => false;

    [Fact]
    public Task MessagesAndOffsetsSurviveARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 2 });
        await host.Broker.Publish("t", [.. Numbers(0, 10).Select(body => Text(body) with { Partition = 1 })]);
        await host.Broker.DeleteBefore("t", 1, 3);

        await Restart(host);

        Assert.Equal(Numbers(3, 7), Bodies(await host.Broker.ReadAll("t")));
        Assert.Equal(new Position(1, 10), Assert.Single(await host.Broker.Publish("t", [Text("next") with { Partition = 1 }])).OrThrow());
    });

    [Fact]
    public Task ExchangesAndBindingsSurviveARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await host.Broker.PutExchange("rest", new() { Kind = ExchangeKind.Fanout });
        await host.Broker.PutExchange("x", new() { Kind = ExchangeKind.Headers, Alternate = new ExchangeName("rest") });
        var headers = new Dictionary<string, string?> { ["format"] = "pdf", ["urgent"] = null };
        await host.Broker.Bind("x", new() { Topic = "t", Headers = headers, AnyHeader = true });

        await Restart(host);

        var found = await host.Broker.DescribeExchange("x");
        Assert.Equal((ExchangeKind.Headers, new ExchangeName("rest")), (found.Kind, found.Alternate));
        Assert.Equal([new Binding { Topic = "t", Headers = headers, AnyHeader = true }], found.Bindings);
        Assert.Equal("t", Assert.Single(Assert.Single(await host.Broker.Route("x", [new RoutingFacts("", [new("urgent", "")])]))).Text);
    });

    [Fact]
    public Task StatesOfKeysSurviveARestartWithWhatWasAcknowledged() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await host.Broker.PutGroup("t", "g", new() { ByKey = true, SessionIdle = TimeSpan.FromSeconds(7) });
        await PublishKeyed(host.Broker, "t", ("k", "1"), ("k", "2"), ("l", "3"));
        await Settle(host.Broker, "t", "g", Settlement.Acknowledge(await ReceiveOne(host.Broker, "t", "g"), "one"u8.ToArray()));
        await host.Broker.Session("t", "g", new("l"u8.ToArray()) { Set = "by hand"u8.ToArray() });

        await Restart(host);

        var delivery = (await Receive(host.Broker, "t", "g")).Single(delivery => delivery.KeyText == "k");
        Assert.Equal(("2", "one"), (delivery.BodyText, System.Text.Encoding.UTF8.GetString(delivery.SessionState.Span)));
        await Settle(host.Broker, "t", "g", Settlement.Acknowledge(delivery, default(ReadOnlyMemory<byte>)));
        Assert.Equal("by hand"u8.ToArray(), (await host.Broker.Session("t", "g", new("l"u8.ToArray()))).State.ToArray());
        Assert.Equal(TimeSpan.FromSeconds(7), (await host.Broker.DescribeGroup("t", "g")).Settings.SessionIdle);
    });

    [Fact]
    public Task AnEphemeralGroupGoesOnWhereItWasAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        var group = await host.Broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromMinutes(5) });
        await Publish(host.Broker, "t", "a", "b");
        await Acknowledge(host.Broker, "t", "g", await ReceiveOne(host.Broker, "t", "g"));

        await Restart(host);

        Assert.Equal("b", Assert.Single(await host.Broker.Receive("t", "g", new() { GroupId = group.Id })).BodyText);
        Assert.Equal(TimeSpan.FromMinutes(5), (await host.Broker.DescribeGroup("t", "g")).Settings.DeleteAfterIdle);
    });

    [Fact]
    public Task SettingsSurviveARestart() => Story(async host =>
    {
        var topic = await host.Broker.PutTopic("t", new() { Partitions = 3, Admit = 9 });
        var group = await host.Broker.PutGroup("t", "g", new() { MaxDeliveries = 7, ByKey = true, Priority = true, FairBy = FairBy.Header("tenant") });

        await Restart(host);

        Assert.Equal(topic.Settings, (await host.Broker.DescribeTopic("t")).Settings);
        var after = await host.Broker.DescribeGroup("t", "g");
        Assert.Equal((7, true, true), (after.Settings.MaxDeliveries, after.Settings.ByKey, after.Declared));
        Assert.Equal((true, FairBy.Header("tenant")), (after.Settings.Priority, after.Settings.FairBy));
        Assert.Equal(["t"], (await host.Broker.ListTopics()).Items.Select(name => name.Text));
    });

    [Fact]
    public Task WhatAFilterPassedOverStaysPassedOverAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await host.Broker.PutGroup("t", "g", new() { Filter = "n < 5 OR n > 7" });
        await host.Broker.Publish("t", [.. Numbers(0, 10).Select(body => Text(body) with { Headers = [new("n", body)] })]);
        await Acknowledge(host.Broker, "t", "g", [.. (await Receive(host.Broker, "t", "g", 6)).Take(5)]);

        await Restart(host);
        await host.Broker.Publish("t", [.. Numbers(6, 3).Select(body => Text(body) with { Headers = [new("n", body)] })]);

        var group = await host.Broker.DescribeGroup("t", "g");
        Assert.Equal("n < 5 OR n > 7", group.Settings.Filter);
        Assert.Equal(["8", "9"], Bodies(await Receive(host.Broker, "t", "g")).Distinct().Order());
        Assert.Equal(5, (await host.Broker.DescribeGroup("t", "g")).Partitions[0].Filtered);
    });

    [Fact]
    public Task WhatIsLeasedHoldsItsKeyAfterARestartUnderAnotherFilter() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 1 });
        await host.Broker.PutGroup("t", "g", new() { ByKey = true, Lease = TimeSpan.FromHours(1) });
        await host.Broker.Publish("t", [Text("1", "k")]);
        await ReceiveOne(host.Broker, "t", "g");
        await host.Broker.PutGroup("t", "g", new() { Filter = "mq.offset > 0" });
        await Restart(host);
        await host.Broker.Publish("t", [Text("2", "k"), Text("3", "other")]);

        Assert.Equal(["3"], Bodies(await Receive(host.Broker, "t", "g")));
    });

    [Fact]
    public Task WhatHigherPrioritiesWentPastSurvivesARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 1 });
        await host.Broker.PutGroup("t", "g", new() { Priority = true });
        await host.Broker.Publish("t", [.. Numbers(0, 30).Select((body, i) => Text(body) with { Priority = i % 3 * 4 })]);
        var first = await Receive(host.Broker, "t", "g", 8);
        Assert.Equal(Numbers(0, 8).Select((_, i) => Number(i * 3 + 2)), Bodies(first));
        await Acknowledge(host.Broker, "t", "g", [.. first]);

        await Restart(host);

        Assert.Equal((0L, 22L), (await host.Broker.DescribeGroup("t", "g")).Partitions.Select(each => (each.Cursor, each.Lag)).Single());
        var rest = await Receive(host.Broker, "t", "g");
        Assert.Equal("26", rest[0].BodyText);
        Assert.Equal(Numbers(0, 30).Except(Bodies(first)).Order(), Bodies(rest).Order());
    });

    [Fact]
    public Task AKeyThatWaitsForItsDeadLetterWaitsAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 1 });
        await host.Broker.PutGroup("t", "g", new() { ByKey = true, HoldKeyBehindDeadLetter = true });
        await PublishKeyed(host.Broker, "t", ("k", "1"), ("k", "2"), ("other", "3"), ("l", "4"), ("l", "5"));
        var first = await Receive(host.Broker, "t", "g");
        Assert.Equal(["1", "3", "4"], Bodies(first));
        await Settle(host.Broker, "t", "g", Settlement.DeadLetter([first[0].Lease, first[2].Lease], "poison"));
        await Acknowledge(host.Broker, "t", "g", first[1]);
        await host.Broker.Redrive("t", "g", DeadLetterSelection.Of((await host.Broker.ReadAll("t.g.dlq"))[1].Position));

        await Restart(host);

        var again = Assert.Single(await Receive(host.Broker, "t", "g"));
        Assert.Equal("4", again.BodyText);
        await Acknowledge(host.Broker, "t", "g", again);
        Assert.Equal("5", Assert.Single(await Receive(host.Broker, "t", "g")).BodyText);
        await host.Broker.Discard("t", "g", DeadLetterSelection.All);
        Assert.Equal("2", Assert.Single(await Receive(host.Broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task AGrownTopicAndWhatWaitsInItSurviveARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 1 });
        await host.Broker.PutGroup("t", "g", new() { ByKey = true });
        await host.Broker.Publish("t", [Text("1", "key")]);
        await host.Broker.GrowTopic("t", 5);
        var second = await host.Broker.Publish("t", [Text("2", "key")]);
        Assert.NotEqual(0, second[0].Position.Partition);
        await host.Broker.Join("t", "board", "m", TimeSpan.FromMinutes(5));

        await Restart(host);

        Assert.Equal(5, (await host.Broker.DescribeTopic("t")).Settings.Partitions);
        await Refused(ErrorCodes.PartitionsChanged, () => host.Broker.Append(Batch("late") with { Partitions = 1 }));
        Assert.Equal([0], (await host.Broker.Join("t", "board", "m", TimeSpan.FromMinutes(5))).Partitions);
        var first = await ReceiveOne(host.Broker, "t", "g");
        Assert.Equal("1", first.BodyText);
        Assert.Empty(await Receive(host.Broker, "t", "g"));
        await Acknowledge(host.Broker, "t", "g", first);
        Assert.Equal("2", (await ReceiveOne(host.Broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task ASeekOverAGrowthThatNoMemberSawHoldsSuccessorsAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 1 });
        await Publish(host.Broker, "t", "a");
        await host.Broker.Join("t", "g", "m", TimeSpan.FromMinutes(5));
        await host.Broker.GrowTopic("t", 2);
        await host.Broker.Commit("t", "g", new([new(0, 1)]));
        Assert.Equal([0, 1], (await host.Broker.Join("t", "g", "m", TimeSpan.FromMinutes(5))).Partitions);
        await host.Broker.Leave("t", "g", "m");
        await host.Broker.Seek("t", "g", SeekRequest.Everywhere(StartAt.Earliest));

        await Restart(host);

        Assert.Equal([0], (await host.Broker.Join("t", "g", "n", TimeSpan.FromMinutes(5))).Partitions);
        await host.Broker.Commit("t", "g", new([new(0, 1)]));
        Assert.Equal([0, 1], (await host.Broker.Join("t", "g", "n", TimeSpan.FromMinutes(5))).Partitions);
    });

    private static AppendRequest Batch(string body)
    {
        var builder = new Records.RecordBatchBuilder(256);
        MessageCodec.Append(builder, Text(body), 1_700_000_000_000);
        return new AppendRequest { Topic = "t", Partition = 0, Batch = builder.Build().ToArray() };
    }

    [Fact]
    public Task ADeletedTopicStaysDeletedAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await Publish(host.Broker, "t", "a");
        await host.Broker.DeleteTopic("t");

        await Restart(host);

        await Refused(ErrorCodes.TopicUnknown, () => host.Broker.DescribeTopic("t"));
    });

    [Fact]
    public Task TheSameRequestIdGivesTheSameMessagesAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 2 });
        await host.Broker.PutGroup("t", "g", new() { ByKey = true });
        await host.Broker.Publish("t", [.. Numbers(0, 6).Select((body, i) => Text(body) with { Partition = i % 2 })]);
        var request = new ReceiveRequest { Max = 4, Consumer = "c", RequestId = "r-1", Lease = TimeSpan.FromHours(1) };
        var first = await host.Broker.Receive("t", "g", request);
        await Acknowledge(host.Broker, "t", "g", first[0]);

        await Restart(host);

        var other = await host.Broker.Receive("t", "g", request with { RequestId = "r-2", Max = 10 });
        var again = (await host.Broker.Receive("t", "g", request)).Where(delivery => !GroupsMayLiveOn || delivery.Lease != first[0].Lease).ToList();
        var settled = await host.Broker.Settle("t", "g", Settlement.Acknowledge([.. again.Select(delivery => delivery.Lease)]));
        Assert.Equal(4, first.Count);
        Assert.Equal(first.Skip(1).Select(delivery => delivery.Lease).Order(ByPlace), again.Select(delivery => delivery.Lease).Order(ByPlace));
        Assert.All(settled, result => Assert.True(result.Ok));
        Assert.Equal(2, other.Count);
        Assert.Empty(other.Select(delivery => delivery.Lease).Intersect(again.Select(delivery => delivery.Lease)));
    });

    [Fact]
    public Task WhatWasSetAsideStaysSoOverARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await host.Broker.PutGroup("t", "g", new() { ByKey = true });
        await PublishKeyed(host.Broker, "t", ("k", "a"), ("k", "b"));
        var first = await ReceiveOne(host.Broker, "t", "g");
        await Settle(host.Broker, "t", "g", Settlement.Defer(first.Lease));

        await Restart(host);

        Assert.Equal(["b"], Bodies(await Receive(host.Broker, "t", "g")));
        Assert.Equal(["a"], Bodies(await host.Broker.Receive("t", "g", new ReceiveRequest { Deferred = [first.Position] })));
    });

    private static readonly IComparer<LeaseId> ByPlace = Comparer<LeaseId>.Create((one, other) => (one.Partition, one.Offset).CompareTo((other.Partition, other.Offset)));

    [Fact]
    public Task WhatIsSettledStaysSettledAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await Publish(host.Broker, "t", "a", "b", "c");
        var deliveries = await Receive(host.Broker, "t", "g");
        await Acknowledge(host.Broker, "t", "g", deliveries[0], deliveries[2]);

        await Restart(host);

        var group = (await host.Broker.DescribeGroup("t", "g")).Partitions[0];
        Assert.Equal((1, 1), (group.Cursor, group.Lag));
    });

    [Fact]
    public Task ADeliveryCountSurvivesARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await Publish(host.Broker, "t", "a");
        for (var i = 0; i < 3; i++)
            await Refuse(host.Broker, "t", "g", TimeSpan.Zero, await ReceiveOne(host.Broker, "t", "g"));

        await Restart(host);

        Assert.Equal(4, (await ReceiveOne(host.Broker, "t", "g")).DeliveryCount);
    });

    [Fact]
    public Task ALeaseByKeyIsGoodAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await host.Broker.PutGroup("t", "g", new() { ByKey = true });
        await PublishKeyed(host.Broker, "t", ("k", "1"), ("k", "2"));
        var held = await ReceiveOne(host.Broker, "t", "g");

        await Restart(host);

        Assert.Empty(await Receive(host.Broker, "t", "g", consumer: "other"));
        await Acknowledge(host.Broker, "t", "g", held);
        Assert.Equal("2", (await ReceiveOne(host.Broker, "t", "g")).BodyText);
    });

    [Fact]
    public Task ATokenIsRememberedAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        var first = Assert.Single(await host.Broker.Publish("t", [Text("a") with { Token = "x" }]));

        await Restart(host);

        var again = Assert.Single(await host.Broker.Publish("t", [Text("a") with { Token = "x" }]));
        Assert.Equal((first.OrThrow(), true), (again.OrThrow(), again.Duplicate));
    });

    [Fact]
    public Task SequencesAndEpochsAreRememberedAfterARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        var old = await host.Broker.OpenProducer("billing");
        var producer = await host.Broker.OpenProducer("billing");
        await Append(host.Broker, producer, 0);

        await Restart(host);

        Assert.True((await Append(host.Broker, producer, 0)).Duplicate);
        await Refused(ErrorCodes.SequenceGap, () => Append(host.Broker, producer, 5));
        await Refused(ErrorCodes.ProducerFenced, () => Append(host.Broker, old, 0));
        Assert.False((await Append(host.Broker, producer, 1)).Duplicate);
        Assert.True((await host.Broker.OpenProducer("billing")).Epoch > producer.Epoch);
        Assert.NotEqual(producer.Id, (await host.Broker.OpenProducer()).Id);
    });

    [Fact]
    public Task AdmissionsAreCountedOverARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 3, Admit = 5 });
        await Publish(host.Broker, "t", "1", "2", "3");

        await Restart(host);

        await Publish(host.Broker, "t", "4");
        await Publish(host.Broker, "t", "5");
        await Refused(ErrorCodes.AdmissionClosed, () => host.Broker.Publish("t", [Text("6")]));
        Assert.Equal(5, (await host.Broker.ReadAll("t")).Count);
    });

    [Fact]
    public Task DeadLettersSurviveARestartAndAreRedrivenAfterIt() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        await Publish(host.Broker, "t", "a", "b");
        await Settle(host.Broker, "t", "g", Settlement.DeadLetter([.. (await Receive(host.Broker, "t", "g")).Select(delivery => delivery.Lease)], "poison"));
        await host.Broker.Discard("t", "g", DeadLetterSelection.Of((await host.Broker.ReadAll("t.g.dlq"))[0].Position));

        await Restart(host);

        Assert.Equal("poison", Assert.Single(await host.Broker.ReadAll("t.g.dlq")).DeadLetter!.Reason);
        Assert.Equal(1, await host.Broker.Redrive("t", "g", DeadLetterSelection.All));
        Assert.Equal(("b", 1), ((await ReceiveOne(host.Broker, "t", "g")).BodyText, (await host.Broker.DescribeGroup("t", "g")).Partitions[0].InFlight));
    });

    [Fact]
    public Task CommittedOffsetsSurviveARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 2 });
        await Publish(host.Broker, "t", Numbers(0, 10));
        await host.Broker.Commit("t", "g", new([new(0, 3), new(1, 4)]));

        await Restart(host);

        Assert.Equal([3, 4], (await host.Broker.DescribeGroup("t", "g")).Partitions.Select(partition => partition.Cursor));
    });

    [Fact]
    public Task TheBacklogIsCountedOverARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new() { Partitions = 2, MaxMessages = 4 });
        await host.Broker.PutGroup("t", "g", new());
        await Publish(host.Broker, "t", "1", "2", "3", "4");

        await Restart(host);

        await Refused(ErrorCodes.BacklogFull, () => host.Broker.Publish("t", [Text("5")]));
    });

    private static async ValueTask<AppendResult> Append(IBroker broker, ProducerIdentity producer, int sequence)
    {
        var builder = new RecordBatchBuilder(100);
        MessageCodec.Append(builder, new Message { Body = new byte[1] }, 1);
        return await broker.Append(new() { Topic = "t", Partition = 0, Batch = builder.ToArray(), Producer = new(producer.Id, producer.Epoch, sequence) });
    }
}

/// <summary>The same over a crash: acknowledged as durable means there. Leases of the last moment may be forgotten, those by key not.</summary>
public abstract class CrashContract : RestartContract
{
    protected override Task Restart(BrokerUnderTest host) => host.Crash();
}

using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Groups that get only messages for which their filter holds. Reads with one: <see cref="FilteredReadContract"/>.</summary>
public abstract class FilterContract : BrokerContract
{
    private const string Orders = "type = 'order'";

    private static Message Typed(string body, string type, string? key = null) => Text(body, key) with { Headers = [new("type", type)] };

    private static async Task Prepare(IBroker broker, GroupChange group, params Message[] messages)
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", group);
        await Send(broker, messages);
    }

    private static async Task Send(IBroker broker, params Message[] messages)
    {
        foreach (var some in messages.Chunk(1_000))
            Assert.All(await broker.Publish("t", some), result => result.OrThrow());
    }

    private static async Task<GroupPartition> Stand(IBroker broker) => (await broker.DescribeGroup("t", "g")).Partitions[0];

    [Fact]
    public Task OnlyMessagesForWhichItHoldsAreDelivered() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders }, Typed("1", "order"), Typed("2", "quote"), Text("3"), Typed("4", "order"), Typed("5", "quote"));

        var received = await Receive(broker, "t", "g");

        Assert.Equal(["1", "4"], Bodies(received));
        await Acknowledge(broker, "t", "g", [.. received]);
        var stand = await Stand(broker);
        Assert.Equal((5L, 0L, 0L, 3L), (stand.Cursor, stand.Lag, stand.DeadLetters, stand.Filtered));
        Assert.Equal(5, (await broker.ReadAll("t")).Count);
    });

    [Fact]
    public Task OtherGroupsGetTheOthers() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders }, Typed("1", "order"), Typed("2", "quote"));
        await broker.PutGroup("t", "quotes", new() { Filter = HeaderFilter.Of("type", "quote") });

        Assert.Equal(["1"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(["2"], Bodies(await Receive(broker, "t", "quotes")));
        Assert.Equal(["1", "2"], Bodies(await Receive(broker, "t", "all")));
    });

    [Fact]
    public Task AHeaderThatReadsAsANumberIsComparedAsOneAndWhatIsUnknownDoesNotMatch() => Story(async broker =>
    {
        static Message Total(string body, string? total) => Text(body) with { Headers = total is null ? [] : [new("total", total)] };
        Message[] messages = [Total("1", "150"), Total("2", "99.5"), Total("3", "many"), Total("4", null), Total("5", "1e3")];
        await Prepare(broker, new() { Filter = "total > 100" }, messages);
        await broker.PutGroup("t", "not", new() { Filter = "NOT total > 100" });

        Assert.Equal(["1", "5"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(["2"], Bodies(await Receive(broker, "t", "not")));
    });

    [Fact]
    public Task KeyPriorityAndTokenHaveNamesOfTheirOwn() => Story(async broker =>
    {
        await Prepare(
            broker, new() { Filter = "mq.key LIKE 'a%' AND mq.priority >= 5 AND mq.token IS NOT NULL AND NOT mq.tombstone" },
            Text("1", "ada") with { Priority = 7, Token = "x" }, Text("2", "ada") with { Token = "y" }, Text("3", "bob") with { Priority = 7, Token = "z" }, Text("4", "ada") with { Priority = 7 });

        Assert.Equal(["1"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task GroupsKeepWhatTheySay() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders });

        Assert.Equal(Orders, (await broker.DescribeGroup("t", "g")).Settings.Filter);
        Assert.Equal(Orders, (await broker.PutGroup("t", "g", new() { MaxDeliveries = 3 })).Settings.Filter);
        Assert.Null((await broker.PutGroup("t", "g", new() { Filter = Change<string?>.Default })).Settings.Filter);
    });

    [Fact]
    public Task WhatIsNoFilterIsRefusedWithThePlace() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders });

        var refusal = await Refused(ErrorCodes.Malformed, () => broker.PutGroup("t", "g", new() { Filter = "type = order AND" }));

        Assert.Contains("filter at character 17", refusal.Message, StringComparison.Ordinal);
        await Refused(ErrorCodes.Malformed, () => broker.PutGroup("t", "g", new() { Filter = "" }));
        await Refused(ErrorCodes.Malformed, () => broker.PutGroup("t", "new", new() { Filter = "\"mq-token\" = 'x'" }));
        Assert.Equal(Orders, (await broker.DescribeGroup("t", "g")).Settings.Filter);
        await Refused(ErrorCodes.GroupUnknown, () => broker.DescribeGroup("t", "new"));
    });

    [Fact]
    public Task AChangeCountsForWhatWasNotLookedAt() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders }, Typed("1", "quote"), Typed("2", "order"));
        await Acknowledge(broker, "t", "g", [.. await Receive(broker, "t", "g")]);

        await broker.PutGroup("t", "g", new() { Filter = HeaderFilter.Of("type", "quote") });
        await Send(broker, Typed("3", "order"), Typed("4", "quote"));
        Assert.Equal(["4"], Bodies(await Receive(broker, "t", "g")));
        await broker.PutGroup("t", "g", new() { Filter = Change<string?>.Default });
        await Send(broker, Typed("5", "order"));
        Assert.Equal(["5"], Bodies(await Receive(broker, "t", "g")));

        await broker.Seek("t", "g", SeekRequest.Everywhere(StartAt.Earliest));
        Assert.Equal(Numbers(1, 5), Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task WhatWasDeliveredOnceStaysTheGroups() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders }, Typed("1", "order"), Typed("2", "order"));
        var received = await Receive(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.DeadLetter([received[0].Lease], "poison"));
        await Refuse(broker, "t", "g", TimeSpan.Zero, received[1]);

        await broker.PutGroup("t", "g", new() { Filter = "FALSE" });
        await broker.Redrive("t", "g", DeadLetterSelection.All);
        await Send(broker, Typed("3", "order"));

        Assert.Equal(["1", "2"], Bodies(await Receive(broker, "t", "g")).Order());
    });

    [Fact]
    public Task WhatIsPassedOverIsNotUnsettled() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders }, Typed("1", "quote"), Typed("2", "order"), Typed("3", "quote"), Typed("4", "order"));

        var found = await broker.Reconcile("t", "g", new());

        Assert.Equal((new UnsettledCounts(2, 0, 0, 0, 0), 2L), (found.Counts, (await Stand(broker)).Lag));
        Assert.Equal(["2", "4"], Bodies(found.Messages.Select(each => each.Message)));
    });

    [Fact]
    public Task AMessageTellsThatItWasPassedOver() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders }, Typed("1", "quote"), Typed("2", "order"));
        await Acknowledge(broker, "t", "g", [.. await Receive(broker, "t", "g")]);

        async Task<IEnumerable<TraceStage>> Stages(int offset) =>
            (await broker.Trace("t", new() { Position = new Position(0, offset) })).Events.Where(each => each.Group == "g").Select(each => each.Stage);

        Assert.Equal([TraceStage.Filtered], await Stages(0));
        Assert.Equal([TraceStage.Leased, TraceStage.Settled], await Stages(1));
    });

    [Fact]
    public Task KeysKeepTheirOrder() => Story(async broker =>
    {
        await Prepare(
            broker, new() { ByKey = true, Filter = Orders },
            Typed("1", "order", "a"), Typed("2", "quote", "a"), Typed("3", "order", "a"), Typed("4", "quote", "b"), Typed("5", "order", "b"));

        var first = await Receive(broker, "t", "g");
        Assert.Equal(["1", "5"], Bodies(first));
        await Acknowledge(broker, "t", "g", [.. first]);
        Assert.Equal(["3"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task WhatIsLeasedHoldsItsKeyWhateverTheFilterIsBecome() => Story(async broker =>
    {
        await Prepare(broker, new() { ByKey = true }, Typed("1", "quote", "a"), Typed("2", "quote", "b"));
        var first = await Receive(broker, "t", "g");
        Assert.Equal(["1", "2"], Bodies(first));
        await Refuse(broker, "t", "g", TimeSpan.FromHours(1), first[1]);

        await broker.PutGroup("t", "g", new() { Filter = Orders });
        await Send(broker, Typed("3", "order", "a"), Typed("4", "order", "b"), Typed("5", "order", "c"));

        Assert.Equal(["5"], Bodies(await Receive(broker, "t", "g")));
        await Acknowledge(broker, "t", "g", first[0]);
        Assert.Equal(["3"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task PrioritiesAndFairSharesChooseAmongThoseThatMatch() => Story(async broker =>
    {
        Message[] messages = [Typed("1", "order", "a"), Typed("2", "order", "a"), Typed("3", "quote", "b") with { Priority = 9 }, Typed("4", "order", "b") with { Priority = 8 }];
        await Prepare(broker, new() { Priority = true, Filter = Orders }, messages);
        await broker.PutGroup("t", "fair", new() { FairBy = FairBy.Key, Filter = Orders });

        Assert.Equal(["4", "1", "2"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(["1", "4", "2"], Bodies(await Receive(broker, "t", "fair")));
    });

    [Fact]
    public Task OneThatMatchesIsFoundBehindManyThatDont() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders }, [.. Numbers(0, 5_000).Select(body => Typed(body, "quote")), Typed("here", "order")]);

        Assert.Equal("here", (await ReceiveOne(broker, "t", "g")).BodyText);
        var stand = await Stand(broker);
        Assert.Equal((5_000L, 1L, 5_000L), (stand.Cursor, stand.Lag, stand.Filtered));
    });

    [Fact]
    public Task WhoWaitsIsWokenByWhatMatches() => Story(async broker =>
    {
        await Prepare(broker, new() { Filter = Orders });
        var waiting = broker.Receive("t", "g", new() { Max = 10, Wait = Patience, Consumer = "c" }).AsTask();

        await Send(broker, Typed("1", "quote"));
        await Send(broker, Typed("2", "quote"), Typed("3", "order"));

        Assert.Equal(["3"], Bodies(await Until(waiting)));
    });

    [Fact]
    public Task MembersOfALogStyleGroupReadThroughItAndCommitBeyondTheOthers() => Story(async broker =>
    {
        await Prepare(broker, new() { Style = GroupStyle.Log, Filter = Orders }, Typed("1", "order"), Typed("2", "quote"), Typed("3", "order"), Typed("4", "quote"));
        var read = new List<string>();
        await using (LogConsumer.ForEach(broker, "t", "g", (message, _) =>
        {
            read.Add(message.BodyText);
            return Task.CompletedTask;
        }, new() { ReadWait = TimeSpan.FromMilliseconds(100) }, ClientTime))
            await Until(CommittedAll());

        Assert.Equal(["1", "3"], read);
        Assert.Empty((await broker.Reconcile("t", "g", new())).Messages);

        async Task CommittedAll()
        {
            while ((await Stand(broker)).Cursor < 4)
                await Task.Delay(TimeSpan.FromMilliseconds(20), ClientTime);
        }
    });
}

/// <summary>Reads that bring only messages for which a filter holds, and say how far they came.</summary>
public abstract class FilteredReadContract : BrokerContract
{
    private static Message Typed(string body, string type) => Text(body) with { Headers = [new("type", type)] };

    private static async Task Prepare(IBroker broker, params Message[] messages)
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.Publish("t", messages);
    }

    private static async Task<(List<long> Offsets, long Next)> Read(IBroker broker, ReadRequest request)
    {
        using var result = await broker.Read(request);
        var (offsets, next) = (new List<long>(), request.Partitions[0].Offset);
        foreach (var batch in new RecordBatchReader(result.Partitions[0].Error is { } error ? throw new MqException(error) : result.Partitions[0].Batches))
        {
            next = batch.LastOffset + 1;
            foreach (var record in batch.Records())
                offsets.Add(record.Offset);
        }

        return (offsets, next);
    }

    private static ReadRequest From(long offset, string? filter, int maxBytes = 1 << 20) =>
        new() { Partitions = [new PartitionCursor("t", 0, offset, maxBytes)], MinBytes = 0, Filter = filter };

    [Fact]
    public Task BrowsingShowsWhatMatchesAtItsOwnPositions() => Story(async broker =>
    {
        await Prepare(broker, Typed("0", "order"), Typed("1", "quote"), Typed("2", "order"), Typed("3", "quote"));
        var found = new List<StoredMessage>();

        await foreach (var message in broker.Browse("t", 0, StartAt.Earliest, filter: "type = 'order'"))
            found.Add(message);

        Assert.Equal(["0", "2"], Bodies(found));
        Assert.Equal([0L, 2L], found.Select(message => message.Position.Offset));
        Assert.Equal("order", Assert.Single(found[1].Headers).Value);
    });

    [Fact]
    public Task AReadThatFindsNothingSaysHowFarItCame() => Story(async broker =>
    {
        await Prepare(broker, Typed("0", "quote"), Typed("1", "quote"), Typed("2", "quote"));

        var (offsets, next) = await Read(broker, From(1, "type = 'order'"));

        Assert.Empty(offsets);
        Assert.Equal(3, next);
        Assert.Equal((0, 3L), ((await Read(broker, From(3, "type = 'order'"))).Offsets.Count, (await Read(broker, From(3, "type = 'order'"))).Next));
    });

    [Fact]
    public Task ItBringsNoMoreThanIsAskedAndAtLeastOne() => Story(async broker =>
    {
        var large = new string('x', 5_000);
        await Prepare(broker, [.. Enumerable.Range(0, 6).Select(i => Typed(large, i % 2 == 0 ? "order" : "quote"))]);

        Assert.Equal((0L, 2L), (Assert.Single((await Read(broker, From(0, "type = 'order'", 4_096))).Offsets), (await Read(broker, From(0, "type = 'order'", 4_096))).Next));
        Assert.Equal([2L, 4L], (await Read(broker, From(1, "type = 'order'", 12_000))).Offsets);
    });

    [Fact]
    public Task ItReadsAsAGroupDoes() => Story(async broker =>
    {
        await Prepare(broker, Typed("0", "order"), Typed("1", "quote"), Typed("2", "order"));
        await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log, Filter = "type = 'order'" });

        Assert.Equal([0L, 2L], (await Read(broker, From(0, null) with { Group = "g" })).Offsets);
        Assert.Equal([2L], (await Read(broker, From(0, "mq.offset > 1") with { Group = "g" })).Offsets);
        await broker.PutGroup("t", "g", new() { Filter = "type = 'quote'" });
        Assert.Equal([1L], (await Read(broker, From(0, null) with { Group = "g" })).Offsets);
        Assert.Equal(ErrorCodes.GroupUnknown, (await Assert.ThrowsAsync<MqException>(() => Read(broker, From(0, null) with { Group = "other" }))).Code);
    });

    [Fact]
    public Task WhatIsNoFilterIsRefused() => Story(async broker =>
    {
        await Prepare(broker, Typed("0", "order"));

        Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(() => Read(broker, From(0, "type =")))).Code);
    });

    [Fact]
    public Task DeadLettersAreReadThroughAFilterToo() => Story(async broker =>
    {
        await Prepare(broker, Typed("0", "order"), Typed("1", "quote"));
        var received = await Receive(broker, "t", "g");
        await Settle(broker, "t", "g", Settlement.DeadLetter([.. received.Select(each => each.Lease)], "poison"));
        var found = new List<string>();

        await foreach (var letter in broker.Browse(TopicName.DeadLettersOf("t", "g"), 0, StartAt.Earliest, filter: "type = 'quote'"))
            found.Add(letter.BodyText);

        Assert.Equal(["1"], found);
    });

    [Fact]
    public Task WhoFollowsIsWokenByWhatMatches() => Story(async broker =>
    {
        await Prepare(broker);
        var followed = First(broker.Browse("t", 0, StartAt.Earliest, follow: true, filter: "type = 'order'"));

        await broker.Publish("t", [Typed("0", "quote")]);
        await broker.Publish("t", [Typed("1", "order")]);

        Assert.Equal("1", (await Until(followed)).BodyText);
    });

    private static async Task<StoredMessage> First(IAsyncEnumerable<StoredMessage> messages)
    {
        await foreach (var message in messages)
            return message;
        throw new InvalidOperationException("It ended.");
    }
}

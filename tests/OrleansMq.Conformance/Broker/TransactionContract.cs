using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Transactions over several partitions and over consumed positions: all of it, or nothing. For hosts with <see cref="IBroker.Transactions"/>.</summary>
public abstract class TransactionContract : BrokerContract
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(1);

    [Fact]
    public Task WhatIsNotDecidedIsSeenByNobodyWhoAsksForCommitted() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await Publish(broker, "a", "before");
        await producer.Append("a", "inside");
        await Publish(broker, "a", "after");

        Assert.Equal(["before"], Bodies(await broker.ReadAll("a")));
        Assert.Equal(["before"], Bodies(await Receive(broker, "a", "queue")));
        await producer.End(commit: true);

        Assert.Equal(["before", "inside", "after"], Bodies(await broker.ReadAll("a")));
        Assert.Equal(["inside", "after"], Bodies(await Receive(broker, "a", "queue")));
    });

    [Fact]
    public Task WhatIsAbortedIsSeenByNobodyAndHoldsNobodyUp() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await producer.Append("a", "one", "two");
        await Publish(broker, "a", "between");
        await producer.Append("a", "three");
        await producer.End(commit: false);
        await producer.Append("a", "four");
        await producer.End(commit: true);

        Assert.Equal(["between", "four"], Bodies(await broker.ReadAll("a")));
        var deliveries = await Receive(broker, "a", "queue");
        Assert.Equal(["between", "four"], Bodies(deliveries));
        await Acknowledge(broker, "a", "queue", [.. deliveries]);
        Assert.Empty(await Receive(broker, "a", "queue"));
        Assert.Equal(0, (await broker.DescribeGroup("a", "queue")).Partitions[0].Lag);
    });

    [Fact]
    public Task WhatSomebodyLookedAtBeforeItWasAbortedIsDeliveredToNobody() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await broker.PutGroup("a", "queue", new());
        await producer.Append("a", "inside");
        await broker.DescribeGroup("a", "queue");
        await broker.Trace("a", new TraceRequest { Position = new Position(0, 0) });
        Assert.Equal(0, (await broker.Reconcile("a", "queue", new ReconcileRequest())).Counts.NeverDelivered);

        await producer.End(commit: false);

        Assert.Empty(await Receive(broker, "a", "queue"));
    });

    [Fact]
    public Task TheAbortedListTellsAReaderWhatToPassOver() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await producer.Append("a", "one");
        await producer.End(commit: false);
        await producer.Append("a", "two");

        using var read = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("a", 0, 0)], MinBytes = 0, Isolation = Isolation.Committed });
        var found = read.Partitions[0];
        Assert.Equal((2, 3, new AbortedTransaction(producer.FirstId, 0)), (found.LastStableOffset, found.End, Assert.Single(found.Aborted)));
    });

    [Fact]
    public Task GroupsByKeyGoPastMarkersAndWhatWasAborted() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await broker.PutGroup("a", "keyed", new() { ByKey = true });
        await producer.Append("a", "aborted");
        await producer.End(commit: false);
        await producer.Append("a", "committed");
        await producer.End(commit: true);
        await PublishKeyed(broker, "a", ("k", "keyed"));

        Assert.Equal(["committed", "keyed"], Bodies(await Receive(broker, "a", "keyed")));
    });

    [Fact]
    public Task SeveralPartitionsAndCursorsMoveTogether() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("in", new());
        await broker.PutTopic("out", new() { Partitions = 2 });
        await Publish(broker, "in", "1", "2", "3");
        await producer.Append("out", 0, "x");
        await producer.Append("out", 1, "y");
        await producer.AddOffsets("etl", new GroupOffset("in", 0, 2));

        Assert.Equal(0, await Cursor(broker, "in", "etl"));
        Assert.Equal([new TransactionPartition("in", 0)], await broker.Transactions!.Pending("etl"));
        await producer.End(commit: true);

        Assert.Equal(["x", "y"], Bodies(await broker.ReadAll("out")));
        Assert.Equal(2, await Cursor(broker, "in", "etl"));
        Assert.Empty(await broker.Transactions.Pending("etl"));
        await producer.AddOffsets("etl", new GroupOffset("in", 0, 3));
        await producer.End(commit: false);
        Assert.Equal(2, await Cursor(broker, "in", "etl"));
    });

    [Fact]
    public Task WhoeverOpensAnIdFencesTheOneBeforeAndAbortsWhatItLeft() => Story(async broker =>
    {
        var zombie = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await zombie.Append("a", "zombie");

        var heir = await ProducerOfTransactions.Open(broker, "t");

        await Refused(ErrorCodes.ProducerFenced, () => zombie.End(commit: true));
        await Refused(ErrorCodes.ProducerFenced, () => zombie.AddPartition("a", 0));
        await Refused(ErrorCodes.TransactionState, () => zombie.AppendAlone("a", 0, "late"));
        await heir.Append("a", "heir");
        await Refused(ErrorCodes.ProducerFenced, () => zombie.AppendAlone("a", 0, "later"));
        await heir.End(commit: true);
        Assert.Equal(["heir"], Bodies(await broker.ReadAll("a")));
    });

    [Fact]
    public Task ABatchThatComesAfterItsTransactionIsRefusedAndHoldsNothingBack() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await Refused(ErrorCodes.TransactionState, () => producer.AppendAlone("a", 0, "early"));
        await producer.Append("a", "inside");
        var late = producer.Next("a", 0, "late");
        await producer.End(commit: true);

        // Also when the next one has begun on the same partition: every transaction has an epoch of its own.
        await Refused(ErrorCodes.TransactionState, async () => await broker.Append(late));
        await producer.AddPartition("a", 0);
        await Refused(ErrorCodes.ProducerFenced, async () => await broker.Append(late));
        await producer.End(commit: true);
        await Publish(broker, "a", "after");
        Assert.Equal(["inside", "after"], Bodies(await broker.ReadAll("a")));
    });

    [Fact]
    public Task TheEndMayBeSaidAgainButNotOtherwise() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await producer.Append("a", "x");
        var was = producer.Identity;
        await producer.End(commit: true);

        Assert.Equal(producer.Identity, await broker.Transactions!.End("t", was, commit: true, newEpoch: true));
        await Refused(ErrorCodes.TransactionState, async () => await broker.Transactions.End("t", was, commit: false, newEpoch: true));
        await Refused(ErrorCodes.TransactionState, () => producer.End(commit: true));
        Assert.Equal(["x"], Bodies(await broker.ReadAll("a")));
    });

    [Fact]
    public Task ABatchThatNamesAnotherIdThanItsTransactionsIsRefused() => Story(async broker =>
    {
        await broker.PutTopic("a", new());
        var mine = await ProducerOfTransactions.Open(broker, "mine");
        var theirs = await ProducerOfTransactions.Open(broker, "theirs");
        await mine.Append("a", "begun");
        await theirs.AddPartition("a", 0);

        await Refused(ErrorCodes.TransactionState, async () => await broker.Append(mine.Next("a", 0, "slipped in") with { TransactionalId = "theirs" }));

        await mine.Append("a", "ended");
        await mine.End(commit: true);
        await theirs.End(commit: true);
        Assert.Equal(["begun", "ended"], Bodies(await broker.ReadAll("a")));
    });

    [Fact]
    public Task ATokenAndATransactionDoNotGoTogether() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t");
        await broker.PutTopic("a", new());
        await producer.AddPartition("a", 0);
        var builder = new RecordBatchBuilder(256) { IsTransactional = true };
        builder.Append(0, default, false, "x"u8, true, [RecordHeader.OfText(ReservedHeaders.Token, "once")]);
        var batch = builder.ToArray(producerId: producer.Identity.Id, producerEpoch: producer.Identity.Epoch, baseSequence: 0);

        await Refused(ErrorCodes.NotAvailable, async () => await broker.Append(new AppendRequest { Topic = "a", Partition = 0, Batch = batch, Rich = true, TransactionalId = "t" }));
    });

    [Fact]
    public Task MessagesArePublishedInATransaction() => Story(async broker =>
    {
        await broker.PutTopic("a", new());
        await broker.PutTopic("b", new() { Partitions = 2 });
        var producer = await broker.Transactions!.Open("t", Timeout);
        var first = new PublishOptions { Transaction = new ProducerTransaction("t", producer) };
        await broker.Publish("a", [Text("1"), Text("2")], first);
        await broker.Publish("b", [Text("3") with { Partition = 0 }, Text("4") with { Partition = 1 }], first);
        Assert.Empty(await broker.ReadAll("a"));

        producer = await broker.Transactions.End("t", producer, commit: true, newEpoch: true);
        await broker.Publish("a", [Text("aborted")], new PublishOptions { Transaction = new ProducerTransaction("t", producer) });
        await broker.Transactions.End("t", producer, commit: false, newEpoch: true);

        Assert.Equal(["1", "2"], Bodies(await broker.ReadAll("a")));
        Assert.Equal(["3", "4"], Bodies(await broker.ReadAll("b")));
        await Refused(ErrorCodes.ProducerFenced, async () => await broker.Publish("a", [Text("late")], first));
    });

    [Fact]
    public Task WhoLostTheAnswerToItsOpeningSaysAgainWhatItIs() => Story(async broker =>
    {
        var known = await broker.Transactions!.Open("t", Timeout);
        await broker.PutTopic("a", new());
        var opened = await broker.Transactions.Open("t", Timeout, known);
        Assert.NotEqual(known, opened);

        Assert.Equal(opened, await broker.Transactions.Open("t", Timeout, known));

        // Not once it goes on.
        await broker.Transactions.AddPartitions("t", opened, [new TransactionPartition("a", 0)]);
        await Refused(ErrorCodes.ProducerFenced, async () => await broker.Transactions.Open("t", Timeout, known));
        var again = await broker.Transactions.Open("t", Timeout, opened);
        Assert.Equal(again, await broker.Transactions.Open("t", Timeout, opened));
    });

    [Fact]
    public Task WhatIsOpenIsListedAndAbortedBySomebodyElse() => Story(async broker =>
    {
        var id = $"listed {Guid.NewGuid()}/ö";
        await broker.PutTopic("a", new());
        var producer = await ProducerOfTransactions.Open(broker, id);
        await producer.Append("a", "inside");
        await producer.AddOffsets("etl", new GroupOffset("a", 0, 0));

        var seen = await Described(broker, id);
        Assert.Equal((TransactionPhase.Ongoing, producer.Identity), (seen.Phase, seen.Producer));
        Assert.Equal([new TransactionPartition("a", 0)], seen.Partitions);
        Assert.Equal(["etl"], seen.Groups.Select(group => group.Text));
        Assert.Equal(Timeout, seen.Until - seen.Since);
        await broker.Transactions!.Abort(id);

        Assert.Equal(TransactionPhase.Empty, (await Described(broker, id)).Phase);
        await Refused(ErrorCodes.ProducerFenced, () => producer.End(commit: true));
        await Refused(ErrorCodes.TransactionState, async () => await broker.Transactions.Abort(id));
        await Refused(ErrorCodes.ProducerUnknown, async () => await broker.Transactions.Abort("nobody's"));
        Assert.Empty(await broker.ReadAll("a"));
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1_001)]
    public Task APageOfTransactionsHasASizeThatCanBe(int max) => Story(broker => Refused(ErrorCodes.Malformed, async () => await broker.Transactions!.List(max: max)));

    private static async Task<TransactionDescription> Described(IBroker broker, string id)
    {
        string? after = null;
        do
        {
            var page = await broker.Transactions!.List(after, 1);
            if (page.Items.FirstOrDefault(each => each.Id == id) is { } found)
                return found;
            after = page.Next;
        }
        while (after is not null);
        throw new InvalidOperationException($"'{id}' is not listed.");
    }

    private static async Task<long> Cursor(IBroker broker, TopicName topic, GroupName group)
    {
        try
        {
            return (await broker.DescribeGroup(topic, group)).Partitions[0].Cursor;
        }
        catch (MqException none) when (none.Code == ErrorCodes.GroupUnknown)
        {
            return 0;
        }
    }

    private static async Task Refused(string code, Func<Task> act) => Assert.Equal(code, (await Assert.ThrowsAsync<MqException>(act)).Code);
}

/// <summary>The same over restarts, for hosts that can do that.</summary>
public abstract class TransactionRestartContract : BrokerContract
{
    protected virtual Task Restart(BrokerUnderTest host) => host.Restart();

    [Fact]
    public Task WhatWasCommittedIsSeenAfterARestartAndWhatWasAbortedIsNot() => Story(async host =>
    {
        var producer = await ProducerOfTransactions.Open(host.Broker, "t");
        await host.Broker.PutTopic("a", new() { Partitions = 2 });
        await producer.Append("a", 0, "aborted");
        await producer.Append("a", 1, "aborted");
        await producer.End(commit: false);
        await producer.Append("a", 0, "committed");
        await producer.Append("a", 1, "committed");
        await producer.End(commit: true);

        await Restart(host);

        Assert.Equal(["committed", "committed"], Bodies(await host.Broker.ReadAll("a")));
    });

    [Fact]
    public Task AnOpenTransactionStaysOpenOverARestartAndGoesOn() => Story(async host =>
    {
        var producer = await ProducerOfTransactions.Open(host.Broker, "t");
        await host.Broker.PutTopic("a", new());
        await producer.Append("a", "one");

        await Restart(host);

        Assert.Empty(await host.Broker.ReadAll("a"));
        producer = producer.On(host.Broker);
        await producer.Append("a", "two");
        await producer.End(commit: true);
        Assert.Equal(["one", "two"], Bodies(await host.Broker.ReadAll("a")));
    });
}

/// <summary>The same over crashes.</summary>
public abstract class TransactionCrashContract : TransactionRestartContract
{
    protected override Task Restart(BrokerUnderTest host) => host.Crash();
}

/// <summary>Time runs out for a transaction that nobody ends.</summary>
public abstract class TimedTransactionContract : BrokerContract
{
    [Fact]
    public Task ATransactionThatIsOpenTooLongIsAbortedAndItsProducerFenced() => Story(async broker =>
    {
        var producer = await ProducerOfTransactions.Open(broker, "t", TimeSpan.FromSeconds(30));
        await broker.PutTopic("a", new());
        await producer.Append("a", "hanging");
        await Publish(broker, "a", "after");
        Assert.Empty(await broker.ReadAll("a"));

        var seen = broker.Read(new ReadRequest { Partitions = [new PartitionCursor("a", 0, 0)], MinBytes = 1, Wait = TimeSpan.FromMinutes(5), Isolation = Isolation.Committed }).AsTask();
        using (await Until(seen))
            Assert.Equal(["after"], Bodies(await broker.ReadAll("a")));
        Assert.Equal(ErrorCodes.ProducerFenced, (await Assert.ThrowsAsync<MqException>(() => producer.End(commit: true))).Code);
    });
}

using System.Collections.Concurrent;
using System.Globalization;
using OrleansMq.Conformance.Broker;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>What a relay promises over failures: its own, the broker's, the database's.</summary>
public sealed class OutboxRelayTests(PostgresServer server) : DatabaseStory(server)
{
    private static readonly OutboxRelayOptions Quick = new() { LookEvery = TimeSpan.FromMilliseconds(10), RetryDelay = TimeSpan.FromMilliseconds(1), MaxRetryDelay = TimeSpan.FromMilliseconds(5) };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ARelayThatDiesBetweenPublishingAndItsCommitDuplicatesNothing(bool connectionIsCut)
    {
        var outbox = new Outbox(Database);
        await InTransaction(transaction => outbox.Add(transaction, "orders", [.. Enumerable.Range(0, 10).Select(i => Message.OfText($"{i}", key: "k"))]));
        var published = new TaskCompletionSource();
        var never = new TaskCompletionSource<IReadOnlyList<PublishResult>>();
        var dying = new OutboxRelay(outbox, InterceptedBroker.Around(Broker, async (_, publish, cancel) =>
        {
            await publish();
            published.TrySetResult();
            return await never.Task.WaitAsync(cancel);
        }), Quick with { Workers = 1 });
        await published.Task.WaitAsync(Patience);
        if (connectionIsCut)
            await Run("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state = 'idle in transaction'");
        else
            await dying.DisposeAsync();
        Assert.Equal(10, (await outbox.Describe()).Waiting);

        await using var next = new OutboxRelay(outbox, Broker, Quick);
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), await Receive(10));
        await Emptied(outbox);
        Assert.Equal(10, next.Statistics.Duplicates);
        Assert.Equal(10, (await Stored()).Count);
        if (connectionIsCut)
            await dying.DisposeAsync();
    }

    [Fact]
    public async Task ManyRelaysAtOnceSendEachMessageOnceAndKeepTheOrderOfEachKey()
    {
        const int writers = 8, each = 250, keys = 5;
        await Broker.PutTopic("many", new() { Partitions = 4 });
        var outbox = new Outbox(Database);
        var options = Quick with { BatchMessages = 7 };
        await using var one = new OutboxRelay(outbox, Broker, options);
        await using var two = new OutboxRelay(outbox, Broker, options);
        await using var three = new OutboxRelay(outbox, Broker, options);

        // Each writer has its keys for itself, and commits before it adds the next: so their order is known.
        await Task.WhenAll(Enumerable.Range(0, writers).Select(async writer =>
        {
            for (var i = 0; i < each; i++)
                await InTransaction(transaction => outbox.Add(transaction, "many", Message.OfText($"{i}", key: $"{writer}-{i % keys}")));
        }));
        await Emptied(outbox);

        var stored = await Broker.ReadAll("many");
        Assert.Equal(writers * each, stored.Count);
        foreach (var ofKey in stored.GroupBy(message => message.KeyText))
        {
            var numbers = ofKey.Select(message => int.Parse(message.BodyText, CultureInfo.InvariantCulture)).ToList();
            Assert.Equal(numbers.Order(), numbers);
        }

        OutboxRelay[] relays = [one, two, three];
        Assert.Equal(writers * each, relays.Sum(relay => relay.Statistics.Sent));
        Assert.Equal(0, relays.Sum(relay => relay.Statistics.Duplicates + relay.Statistics.Failures));
    }

    [Fact]
    public async Task WhileTheBrokerDoesNotAnswerMessagesWaitInOrder()
    {
        var outbox = new Outbox(Database);
        var failures = new ConcurrentQueue<Exception>();
        var answers = new TaskCompletionSource();
        var failedThrice = new TaskCompletionSource();
        var calls = 0;
        await using var relay = new OutboxRelay(outbox, InterceptedBroker.Around(Broker, (_, publish, _) =>
        {
            if (answers.Task.IsCompleted)
                return publish();
            if (Interlocked.Increment(ref calls) == 3)
                failedThrice.SetResult();
            throw (calls % 2) switch { 0 => new HttpRequestException("Connection refused"), _ => new MqException(ErrorCodes.PartitionUnavailable, "Away.") };
        }), Quick with { OnFailure = failures.Enqueue });
        for (var i = 0; i < 20; i++)
            await InTransaction(transaction => outbox.Add(transaction, "orders", Message.OfText($"{i}", key: "k")));
        await failedThrice.Task.WaitAsync(Patience);
        Assert.Empty(await Stored());
        answers.SetResult();

        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}"), await Receive(20));
        await Emptied(outbox);
        Assert.True(relay.Statistics.Failures >= 3);
        Assert.Equal(relay.Statistics.Failures, failures.Count);
    }

    [Fact]
    public async Task AnAnswerThatDoesNotComeIsNotWaitedForForEver()
    {
        var outbox = new Outbox(Database);
        var said = new TaskCompletionSource<Exception>();
        var calls = 0;
        await using var relay = new OutboxRelay(outbox, InterceptedBroker.Around(Broker, async (_, publish, cancel) =>
        {
            var results = await publish();
            if (Interlocked.Increment(ref calls) == 1)
                await Task.Delay(Timeout.Infinite, cancel);
            return results;
        }), Quick with { AnswerWithin = TimeSpan.FromMilliseconds(500), OnFailure = failure => said.TrySetResult(failure) });
        await InTransaction(transaction => outbox.Add(transaction, "orders", Message.OfText("1")));

        Assert.Equal(ErrorCodes.OutcomeUnknown, Assert.IsType<MqException>(await said.Task.WaitAsync(Patience)).Code);
        await Emptied(outbox);
        Assert.Equal(["1"], await Stored());
    }

    [Fact]
    public async Task AMessageThatIsNeverTakenIsPutAsideAndSaid()
    {
        await Broker.PutTopic("small", new() { MaxMessageBytes = 1_000 });
        await Broker.PutGroup("small", "test", new());
        var outbox = new Outbox(Database);
        var refused = new TaskCompletionSource<RefusedMessage>();
        await using var relay = new OutboxRelay(outbox, Broker, Quick with { OnRefused = message => refused.TrySetResult(message) });
        await InTransaction(transaction => outbox.Add(
            transaction, "small", [Message.OfText("1", key: "k"), Message.OfText(new string('x', 1_001), key: "k"), Message.OfText("3", key: "k")]));

        Assert.Equal(["1", "3"], await Receive(2, "small"));
        Assert.StartsWith(ErrorCodes.MessageTooLarge, (await refused.Task.WaitAsync(Patience)).Reason, StringComparison.Ordinal);
        var aside = Assert.Single(await outbox.ReadRefused());
        Assert.Equal(new OutboxFigures(0, null, 1), await outbox.Describe());

        await Broker.PutTopic("small", new() { MaxMessageBytes = 10_000 });
        Assert.Equal(1, await outbox.SendAgain([aside.Id]));
        Assert.Equal(1_001, (await Receive(1, "small"))[0].Length);
        await Emptied(outbox);
        Assert.Equal(0, (await outbox.Describe()).Refused);
    }

    [Fact]
    public async Task RefusedMessagesCanBeThrownAway()
    {
        await Broker.PutTopic("small", new() { MaxMessageBytes = 10 });
        var outbox = new Outbox(Database);
        var refused = new TaskCompletionSource<RefusedMessage>();
        await using var relay = new OutboxRelay(outbox, Broker, Quick with { OnRefused = message => refused.TrySetResult(message) });
        await InTransaction(transaction => outbox.Add(transaction, "small", Message.OfText("too large for this topic")));
        Assert.Equal(1, await outbox.Discard([(await refused.Task.WaitAsync(Patience)).Id]));
        Assert.Equal(new OutboxFigures(0, null, 0), await outbox.Describe());
    }

    [Fact]
    public async Task ATopicThatIsMissingHoldsUpNoOther()
    {
        var outbox = new Outbox(Database);
        // As many as there are lanes and more, so that each lane begins with messages that can't go.
        var missing = Enumerable.Range(0, 500).Select(i => Message.OfText($"{i}", key: $"{i}")).ToList();
        await InTransaction(transaction => outbox.Add(transaction, "missing", missing));
        await InTransaction(transaction => outbox.Add(transaction, "orders", [.. Enumerable.Range(0, 100).Select(i => Message.OfText($"{i}", key: $"{i}"))]));
        await using var relay = new OutboxRelay(outbox, Broker, Quick with { BatchMessages = 5 });

        Assert.Equal(100, (await Receive(100)).Count);
        await Broker.PutTopic("missing", new());
        await Emptied(outbox);
        Assert.Equal(500, (await Stored("missing")).Count);
    }

    [Fact]
    public async Task ARowThatCanNotBeReadHoldsUpWhatIsBehindItInItsLaneAlone()
    {
        var outbox = new Outbox(Database);
        await InTransaction(transaction => outbox.Add(transaction, "orders", [.. Enumerable.Range(0, 3).Select(i => Message.OfText($"lane {i}", key: "k"))]));
        await InTransaction(transaction => outbox.Add(transaction, "orders", [.. Enumerable.Range(0, 300).Select(i => Message.OfText($"{i}", key: $"{i}"))]));
        var lane = await Ask<int>("select lane from mq_outbox order by id limit 1");
        var elsewhere = (int)await Ask<long>($"select count(*) from mq_outbox where lane <> {lane}");
        var good = await Ask<string>("select message::text from mq_outbox where id = (select min(id) + 1 from mq_outbox)");
        await Run("update mq_outbox set message = '{}}' where id = (select min(id) + 1 from mq_outbox)");
        var failed = new TaskCompletionSource<Exception>();
        // It is the lane's failure: the relay itself backs off from nothing.
        await using var relay = new OutboxRelay(
            outbox, Broker, Quick with { Workers = 1, RetryDelay = TimeSpan.FromHours(1), MaxRetryDelay = TimeSpan.FromHours(1), OnFailure = failure => failed.TrySetResult(failure) });

        // All other lanes, and of its own what is before it.
        Assert.Contains("lane 0", await Receive(elsewhere + 1));
        var said = (await failed.Task.WaitAsync(Patience)).Message;
        Assert.Contains("of mq_outbox", said, StringComparison.Ordinal);
        Assert.EndsWith("what is behind it waits until then.", said, StringComparison.Ordinal);
        await using (var mend = Database.CreateCommand("update mq_outbox set message = $1 where id = (select min(id) from mq_outbox)"))
        {
            mend.Parameters.AddWithValue(good);
            await mend.ExecuteNonQueryAsync();
        }

        Assert.Equal(["lane 1", "lane 2"], (await Receive(303 - elsewhere - 1)).Take(2));
        await Emptied(outbox);
    }

    [Fact]
    public async Task ALargeBacklogGoesInCallsAndBatchesOfBoundedSize()
    {
        var outbox = new Outbox(Database);
        var calls = new ConcurrentQueue<int>();
        var waiting = 60L;
        await InTransaction(transaction => outbox.Add(transaction, "orders", [.. Enumerable.Range(0, 60).Select(i => Message.OfText(new string('x', 1_000), key: "k"))]));
        await using var relay = new OutboxRelay(outbox, InterceptedBroker.Around(Broker, async (messages, publish, _) =>
        {
            calls.Enqueue(messages.Count);
            waiting = (await outbox.Describe(CancellationToken.None)).Waiting;
            return await publish();
        }), Quick with { BatchBytes = 10_000 });
        await Emptied(outbox);
        Assert.All(calls, count => Assert.InRange(count, 1, 9));
        Assert.Equal(60, calls.Sum());
        // Those of the last batch; the others are gone from the table.
        Assert.InRange(waiting, 1, 10);
    }

    [Fact]
    public async Task ADatabaseThatIsAwayIsTriedAgain()
    {
        var outbox = new Outbox(Database);
        var failed = new TaskCompletionSource<Exception>();
        await Run("alter table mq_outbox_lane rename to away");
        await using var relay = new OutboxRelay(outbox, Broker, Quick with { OnFailure = failure => failed.TrySetResult(failure) });
        await InTransaction(transaction => outbox.Add(transaction, "orders", Message.OfText("1")));
        await failed.Task.WaitAsync(Patience);
        await Run("alter table away rename to mq_outbox_lane");
        Assert.Equal(["1"], await Receive(1));
    }

    [Theory]
    [InlineData(nameof(OutboxRelayOptions.Workers))]
    [InlineData(nameof(OutboxRelayOptions.BatchMessages))]
    [InlineData(nameof(OutboxRelayOptions.LookEvery))]
    [InlineData(nameof(OutboxRelayOptions.RetryDelay))]
    public void AnOptionOutOfItsRangeIsNamed(string option)
    {
        var options = option switch
        {
            nameof(OutboxRelayOptions.Workers) => new OutboxRelayOptions { Workers = 33 },
            nameof(OutboxRelayOptions.BatchMessages) => new() { BatchMessages = 10_001 },
            nameof(OutboxRelayOptions.LookEvery) => new() { LookEvery = TimeSpan.Zero },
            _ => new() { RetryDelay = TimeSpan.FromMinutes(1) },
        };
        Assert.Contains(option, Assert.Throws<ArgumentException>(() => new OutboxRelay(new Outbox(Database), Broker, options)).Message, StringComparison.Ordinal);
    }

    /// <summary>Nothing waits, and no relay is about anything.</summary>
    private async Task Emptied(Outbox outbox)
    {
        using var patience = new CancellationTokenSource(Patience);
        while ((await outbox.Describe(patience.Token)).Waiting > 0)
            await LanesAreFree();
        await LanesAreFree();
    }
}

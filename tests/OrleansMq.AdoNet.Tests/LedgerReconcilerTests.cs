using System.Globalization;
using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using Xunit;

namespace OrleansMq.AdoNet.Tests;

/// <summary>What becomes of messages that stay unreconciled, and of a queue whose broker lost everything.</summary>
public sealed class LedgerReconcilerTests(PostgresServer server) : DatabaseStory(server)
{
    private static readonly LedgerReconcilerOptions Quick = new() { RetryDelay = TimeSpan.FromMilliseconds(1), MaxRetryDelay = TimeSpan.FromMilliseconds(5) };

    private readonly ManualTime _clock = new();

    private Ledger Copies => new(Database, time: _clock);

    [Fact]
    public async Task WhatStaysUnreconciledIsSentAgainAndNothingElse()
    {
        await using (var producer = new LedgerProducer(Copies, Broker, "orders"))
            await producer.Send(Messages(3));
        await Copies.Settle("orders", "t1");
        await WipeBroker();
        var again = new List<string>();
        var both = new TaskCompletionSource();
        _clock.Advance(TimeSpan.FromMinutes(4));
        var fresh = Message.OfText("fresh") with { Token = "fresh" };
        await Copies.Copy("orders", [fresh]);
        _clock.Advance(TimeSpan.FromMinutes(2));

        // One round sees both: those that are six minutes old, and one of two minutes that is left alone.
        await using var job = new LedgerReconciler(Copies, Broker, Quick with { OnSentAgain = entry => Note(entry.Message.Token!) }, _clock);
        await both.Task.WaitAsync(Patience);
        Assert.Equal(["t0", "t2"], again);
        Assert.Equal(["0", "2"], await Stored());
        Assert.Equal([2, 2, 1], (await Copies.ReadUnreconciled(new())).Entries.Select(entry => entry.Sends));

        void Note(string token)
        {
            again.Add(token);
            if (again.Count == 2)
                both.SetResult();
        }
    }

    [Fact]
    public async Task WhatOnlyWaitsInTheQueueIsNotStoredTwice()
    {
        await using (var producer = new LedgerProducer(Copies, Broker, "orders"))
            await producer.Send(Messages(5));
        var sent = new CountdownEvent(5);
        _clock.Advance(TimeSpan.FromMinutes(11));
        await using (new LedgerReconciler(Copies, Broker, Quick with { OnSentAgain = _ => sent.Signal() }, _clock))
            Assert.True(await Task.Run(() => sent.Wait(Patience)));
        Assert.Equal(5, (await Stored()).Count);
    }

    [Fact]
    public async Task AProducerThatDiesBetweenCopyAndSendingIsMadeGood()
    {
        await using (var dying = new LedgerProducer(Copies, InterceptedBroker.Away(Broker), "orders", new() { RetryFor = TimeSpan.FromMilliseconds(1) }))
            await Assert.ThrowsAsync<MqException>(() => dying.Send(Messages(2)));
        Assert.Empty(await Stored());

        _clock.Advance(TimeSpan.FromMinutes(11));
        await using var job = new LedgerReconciler(Copies, Broker, Quick, _clock);
        Assert.Equal(["0", "1"], await Receive(2));
    }

    [Fact]
    public async Task AFailureIsSaidAndTheMessageIsDueAgainAfterItsAge()
    {
        await Copies.Copy("orders", Messages(1));
        var failed = new TaskCompletionSource<Exception>();
        var away = true;
        var broker = InterceptedBroker.Around(Broker, (_, publish, _) => away ? throw new HttpRequestException("Connection refused") : publish());
        _clock.Advance(TimeSpan.FromMinutes(11));
        await using var job = new LedgerReconciler(Copies, broker, Quick with { OnFailure = failure => failed.TrySetResult(failure) }, _clock);
        Assert.IsType<HttpRequestException>(await failed.Task.WaitAsync(Patience));
        away = false;
        _clock.Advance(TimeSpan.FromMinutes(11));
        job.Wake();
        Assert.Equal(["0"], await Receive(1));
    }

    [Fact]
    public async Task ACopyThatCanNotBeReadIsSaidAndTheOthersAreSent()
    {
        await Copies.Copy("orders", Messages(5));
        await Run("update mq_ledger set message = '{}}' where token = 't1'");
        var failed = new TaskCompletionSource<Exception>();
        _clock.Advance(TimeSpan.FromMinutes(11));
        using var sent = new CountdownEvent(4);
        await using var job = new LedgerReconciler(Copies, Broker, Quick with { OnSentAgain = _ => sent.Signal(), OnFailure = failure => failed.TrySetResult(failure) }, _clock);
        Assert.True(await Task.Run(() => sent.Wait(Patience)));
        Assert.Equal(["0", "2", "3", "4"], await Stored());
        Assert.Contains("of mq_ledger", Assert.IsType<InvalidOperationException>(await failed.Task.WaitAsync(Patience)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AQueueIsRebuiltAfterTheBrokersDataWereWiped()
    {
        await using (var producer = new LedgerProducer(Copies, Broker, "orders"))
            await producer.Send(Messages(2_500));
        for (var i = 0; i < 2_500; i += 3)
            await Copies.Settle("orders", $"t{i}");
        await WipeBroker();

        var report = await Copies.Rebuild(Broker, "orders", Quick, _clock);
        Assert.Equal((1_666, 0, 0), (report.Sent, report.Duplicates, report.Refused.Count));
        Assert.Equal(Enumerable.Range(0, 2_500).Where(i => i % 3 != 0).Select(i => $"{i}"), await Stored());

        // Once more: nothing is there twice.
        Assert.Equal(1_666, (await Copies.Rebuild(Broker, "orders", Quick, _clock)).Duplicates);
        Assert.Equal(1_666, (await Stored()).Count);
    }

    [Fact]
    public async Task ARebuildThatIsCutOffIsDoneAgainAndOneThatFailsGoesOn()
    {
        await Copies.Copy("orders", Messages(100));
        var calls = 0;
        using var cut = new CancellationTokenSource();
        var dying = InterceptedBroker.Around(Broker, async (_, publish, cancel) =>
        {
            if (++calls == 4)
                await cut.CancelAsync();
            cancel.ThrowIfCancellationRequested();
            return await publish();
        });
        var options = Quick with { BatchMessages = 10 };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Copies.Rebuild(dying, "orders", options, _clock, cut.Token));
        Assert.Equal(30, (await Stored()).Count);

        var failures = 0;
        var stumbling = InterceptedBroker.Around(Broker, (_, publish, _) => ++failures % 2 == 1 ? throw new HttpRequestException("Connection refused") : publish());
        var report = await Copies.Rebuild(stumbling, "orders", options with { RetryDelay = TimeSpan.FromMilliseconds(1) }, TimeProvider.System);
        Assert.Equal((100, 30), (report.Sent, report.Duplicates));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), await Stored());
    }

    [Fact]
    public async Task ACopyThatCanNotBeReadEndsNoRebuild()
    {
        await Copies.Copy("orders", Messages(25));
        await Run("update mq_ledger set message = '{}}' where token in ('t0', 't9', 't24')");
        var report = await Copies.Rebuild(Broker, "orders", Quick with { BatchMessages = 5 });
        Assert.Equal((22, "1 10 25"), (report.Sent, string.Join(' ', report.Unreadable.Select(unreadable => unreadable.Id))));
        Assert.Equal(Enumerable.Range(0, 25).Where(i => i is not (0 or 9 or 24)).Select(i => $"{i}"), await Stored());
    }

    [Fact]
    public async Task ARebuildPassesOverNothingThatIsHeldOrThatAnotherClockCopied()
    {
        await Copies.Copy("orders", Messages(3));
        var behind = new ManualTime(_clock.GetUtcNow() - TimeSpan.FromHours(1));
        await using var connection = await Database.OpenConnectionAsync();
        await using var consumer = await connection.BeginTransactionAsync();
        await Copies.Settle(consumer, "orders", "t1");
        Assert.Equal(3, (await Copies.Rebuild(Broker, "orders", Quick, behind)).Sent);
    }

    [Fact]
    public async Task ATopicThatWasNotMadeAnewIsSaid()
    {
        await Copies.Copy("missing", Messages(1));
        Assert.Equal(ErrorCodes.TopicUnknown, (await Assert.ThrowsAsync<MqException>(() => Copies.Rebuild(Broker, "missing", Quick))).Code);
    }

    [Fact]
    public async Task WhatWasDoneButNotSettledHasItsEffectOnceAllTheSame()
    {
        var inbox = new Inbox(Database, "billing");
        await using (var producer = new LedgerProducer(Copies, Broker, "orders"))
            await producer.Send(Messages(10));
        for (var i = 0; i < 5; i++)
            await inbox.Once($"t{i}", (transaction, _) => Effect(transaction, "done"));
        await WipeBroker();
        await Copies.Rebuild(Broker, "orders", Quick, _clock);

        foreach (var body in await Receive(10))
            await inbox.Once($"t{body}", async (transaction, cancel) => await Effect(transaction, "done"));
        Assert.Equal(10, await Effects());
    }

    [Theory]
    [InlineData(nameof(LedgerReconcilerOptions.Age))]
    [InlineData(nameof(LedgerReconcilerOptions.BatchMessages))]
    public void AnOptionOutOfItsRangeIsNamed(string option)
    {
        var options = option == nameof(LedgerReconcilerOptions.Age) ? Quick with { Age = TimeSpan.Zero } : Quick with { BatchMessages = 0 };
        Assert.Contains(option, Assert.Throws<ArgumentException>(() => new LedgerReconciler(Copies, Broker, options)).Message, StringComparison.Ordinal);
    }

    private static List<Message> Messages(int count) =>
        [.. Enumerable.Range(0, count).Select(i => Message.OfText(i.ToString(CultureInfo.InvariantCulture), key: "k") with { Token = $"t{i}" })];
}

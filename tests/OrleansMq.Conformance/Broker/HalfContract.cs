using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Half messages: stored, delivered when they are committed, and their states only move forward.</summary>
public abstract class HalfContract : BrokerContract
{
    private static readonly HalfTerms Pay = new("pay");

    [Fact]
    public Task AHalfMessageIsSeenByNobodyAndHoldsNobodyBack() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var half = await Begin(broker, "half");
        await Publish(broker, "t", "other");

        Assert.Equal(["other"], Bodies(await broker.ReadAll("t")));
        Assert.Equal(["other"], Bodies(await Receive(broker, "t", "g")));
        var described = await broker.DescribeHalf("t", half);
        Assert.Equal((half, "pay", HalfState.Undecided, "half"), (described.Id, described.Group, described.State, described.Message.BodyText));
    });

    [Fact]
    public Task ACommittedOneIsDelivered() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var half = await Begin(broker, "half");
        await Publish(broker, "t", "other");

        var result = await broker.EndHalf("t", half, HalfState.Committed);

        Assert.Equal((HalfState.Committed, new Position(0, 1), false), (result.State, result.Position, result.Duplicate));
        var delivered = await Receive(broker, "t", "g");
        Assert.Equal(["other", "half"], Bodies(delivered));
        Assert.Equal(("k", "half", "c"), (delivered[1].KeyText, delivered[1].Token, delivered[1].CorrelationId));
        Assert.Empty(delivered[1].Headers);
        await Refused(ErrorCodes.HalfUnknown, () => broker.DescribeHalf("t", half));
    });

    [Fact]
    public Task ARolledBackOneNeverIs() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var half = await Begin(broker, "half");

        var result = await broker.EndHalf("t", half, HalfState.RolledBack);

        Assert.Equal((HalfState.RolledBack, null, false), (result.State, result.Position, result.Duplicate));
        Assert.Empty(await broker.ReadAll("t"));
        Assert.Empty((await broker.ListHalf("t")).Items);
    });

    [Fact]
    public Task TheSameDecisionAgainIsAnsweredAsTheFirst() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var (first, second) = (await Begin(broker, "a"), await Begin(broker, "b"));
        var committed = await broker.EndHalf("t", first, HalfState.Committed);
        await broker.EndHalf("t", second, HalfState.RolledBack);

        Assert.Equal(committed with { Duplicate = true }, await broker.EndHalf("t", first, HalfState.Committed));
        Assert.Equal(new HalfResult(HalfState.RolledBack, null, true), await broker.EndHalf("t", second, HalfState.RolledBack));
        Assert.Equal(["a"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task TheOtherDecisionIsRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var (first, second) = (await Begin(broker, "a"), await Begin(broker, "b"));
        await broker.EndHalf("t", first, HalfState.Committed);
        await broker.EndHalf("t", second, HalfState.RolledBack);

        await Refused(ErrorCodes.HalfCommitted, () => broker.EndHalf("t", first, HalfState.RolledBack));
        await Refused(ErrorCodes.HalfCommitted, () => broker.EndHalf("t", first, HalfState.RolledBack, force: true));
        await Refused(ErrorCodes.HalfRolledBack, () => broker.EndHalf("t", second, HalfState.Committed));
        await Refused(ErrorCodes.HalfRolledBack, () => broker.EndHalf("t", second, HalfState.Committed, force: true));
        Assert.Equal(["a"], Bodies(await broker.ReadAll("t")));
    });

    [Theory]
    [InlineData("0-0")]
    [InlineData("7-0")]
    [InlineData("nonsense")]
    public Task WhatWasNeverBegunIsUnknown(string id) => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await Refused(ErrorCodes.HalfUnknown, () => broker.EndHalf("t", id, HalfState.Committed));
        await Refused(ErrorCodes.HalfUnknown, () => broker.EndHalf("t", id, HalfState.RolledBack));
        await Refused(ErrorCodes.HalfUnknown, () => broker.DescribeHalf("t", id));
        await Refused(ErrorCodes.Malformed, () => broker.EndHalf("t", id, HalfState.TimedOut));
    });

    [Fact]
    public Task ATokenMeetsItsFirstWhateverBecameOfIt() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var half = await Begin(broker, "x");

        Assert.Equal((half, true), await BeginAgain(broker, "x"));
        var committed = await broker.EndHalf("t", half, HalfState.Committed);
        var known = Assert.Single(await broker.Publish("t", [Text("x") with { Token = "x" }]));
        Assert.Equal((committed.Position!.Value, true), (known.OrThrow(), known.Duplicate));

        var taken = await Begin(broker, "y");
        await broker.EndHalf("t", taken, HalfState.RolledBack);
        // A business operation that was rolled back may be tried anew under its token.
        var (anew, duplicate) = await BeginAgain(broker, "y");
        Assert.Equal((false, true), (duplicate, anew != taken));
    });

    [Fact]
    public Task HalfMessagesGoInBatchesOfTheirOwn() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await Refused(ErrorCodes.Malformed, () => broker.Publish("t", [Half("a"), Text("b")]));
        await Refused(ErrorCodes.Malformed, () => broker.Publish("t", [Half("a") with { DeliverAfter = TimeSpan.FromSeconds(1) }]));
        await Refused(ErrorCodes.Malformed, () => broker.Publish("t", [Half("a") with { Half = new HalfTerms("no group!") }]));
        await Refused(ErrorCodes.Malformed, () => broker.Publish("t", [Half("a") with { Half = Pay with { MaxChecks = 0 } }]));

        Assert.Empty((await broker.ListHalf("t")).Items);
        var results = await broker.Publish("t", [Half("a"), Half("b")]);
        Assert.Equal(["a", "b"], (await broker.ListHalf("t")).Items.Select(half => half.Message.BodyText));
        Assert.Equal(results.Select(result => result.Half), (await broker.ListHalf("t")).Items.Select(half => half.Id));
    });

    [Fact]
    public Task TheyAreListedInPagesAndByGroup() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        foreach (var i in Enumerable.Range(0, 12))
            await broker.Publish("t", [Half(Number(i)) with { Half = new HalfTerms(i % 3 == 0 ? "ship" : "pay") }]);

        var (seen, after) = (new List<string>(), (string?)null);
        do
        {
            var page = await broker.ListHalf("t", "pay", after, 3);
            seen.AddRange(page.Items.Select(half => half.Message.BodyText));
            after = page.Next;
        }
        while (after is not null);

        Assert.Equal(Numbers(0, 12).Where((_, i) => i % 3 != 0).Order(), seen.Order());
        Assert.Equal(12, (await broker.ListHalf("t")).Items.Count);
    });

    [Fact]
    public Task AnUndecidedOneIsCheckedBackWithItsGroup() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var half = Assert.Single(await broker.Publish("t", [Half("x") with { Half = Pay with { CheckAfter = TimeSpan.FromMilliseconds(50), CheckEvery = TimeSpan.FromHours(1) } }])).Half;

        var check = Assert.Single(await Until(broker.CheckHalf("t", "pay", wait: Patience).AsTask()));

        Assert.Equal((half, 1, "x"), (check.Id, check.Checks, check.Message.BodyText));
        Assert.Empty(await broker.CheckHalf("t", "pay"));
        Assert.Empty(await broker.CheckHalf("t", "ship"));
    });

    [Fact]
    public Task ATransactionCommitsItsMessageOrNone() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var producer = new TransactionalProducer(broker, "t", "pay", (_, _) => Task.FromResult<bool?>(null), time: ClientTime);

        var seen = -1;
        var position = await Until(producer.InTransaction(Text("paid"), async (_, cancel) =>
        {
            seen = (await broker.ReadAll("t", cancel: cancel)).Count;
            return true;
        }));
        var none = await Until(producer.InTransaction(Text("refused"), (_, _) => Task.FromResult(false)));
        var thrown = await Assert.ThrowsAsync<InvalidOperationException>(() => Until(producer.InTransaction(Text("broken"), (_, _) => throw new InvalidOperationException("local"))));

        Assert.Equal((0, new Position(0, 0), null, "local"), (seen, position, none, thrown.Message));
        Assert.Equal(["paid"], Bodies(await broker.ReadAll("t")));
        Assert.Equal(["broken"], (await broker.ListHalf("t")).Items.Select(half => half.Message.BodyText));
    });

    [Fact]
    public Task AnotherProducerOfTheGroupAnswersTheCheckBack() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var terms = Pay with { CheckAfter = TimeSpan.FromMilliseconds(20), CheckEvery = TimeSpan.FromMilliseconds(50), MaxChecks = 1_000 };
        await broker.Publish("t", [Half("yes") with { Half = terms }, Half("no") with { Half = terms }, Half("later") with { Half = terms }]);
        var asked = 0;

        await using (var other = new TransactionalProducer(broker, "t", "pay", CheckBack, new() { CheckWait = TimeSpan.FromSeconds(1) }, ClientTime))
        {
            var received = await Until(broker.Receive("t", "g", new() { Max = 1, Wait = Patience, Consumer = "c" }).AsTask());
            Assert.Equal(["yes"], Bodies(received));
            Assert.Equal(["later"], Bodies(await Until(broker.Receive("t", "g", new() { Max = 1, Wait = Patience, Consumer = "c" }).AsTask())));
        }

        Assert.Empty((await broker.ListHalf("t")).Items);

        Task<bool?> CheckBack(HalfMessage half, CancellationToken cancel) => Task.FromResult<bool?>(half.Message.BodyText switch
        {
            "yes" => true,
            "no" => false,
            _ => ++asked < 3 ? null : true,
        });
    });

    private static Message Half(string body) => Text(body, "k") with { Token = body, CorrelationId = "c", Half = Pay };

    private static async Task<string> Begin(IBroker broker, string body)
    {
        var (id, duplicate) = await BeginAgain(broker, body);
        Assert.False(duplicate);
        return id;
    }

    private static async Task<(string Id, bool Duplicate)> BeginAgain(IBroker broker, string body)
    {
        var result = Assert.Single(await broker.Publish("t", [Half(body)]));
        Assert.Null(result.Error);
        return (result.Half!, result.Duplicate);
    }
}

/// <inheritdoc cref="HalfContract"/>
public abstract class TimedHalfContract : BrokerContract
{
    private static readonly HalfTerms Terms = new("pay") { CheckAfter = TimeSpan.FromSeconds(10), CheckEvery = TimeSpan.FromSeconds(60), MaxChecks = 3 };

    [Fact]
    public Task ItIsCheckedBackAtItsTimesAndThenPutAside() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var half = await Begin(broker);

        await Time.Pass(TimeSpan.FromSeconds(9));
        Assert.Empty(await broker.CheckHalf("t", "pay"));
        foreach (var number in (int[])[1, 2, 3])
        {
            await Time.Pass(TimeSpan.FromSeconds(number == 1 ? 2 : 60));
            Assert.Equal(number, Assert.Single(await broker.CheckHalf("t", "pay")).Checks);
            Assert.Empty(await broker.CheckHalf("t", "pay"));
        }

        await Time.Pass(TimeSpan.FromSeconds(60));

        Assert.Empty(await broker.CheckHalf("t", "pay"));
        Assert.Equal(HalfState.TimedOut, (await broker.DescribeHalf("t", half)).State);
        Assert.Empty(await broker.ReadAll("t"));
    });

    [Fact]
    public Task WhatTimedOutIsDecidedByHandAlone() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var (first, second) = (await Begin(broker), await Begin(broker));
        await Time.Pass(TimeSpan.FromSeconds(191));

        await Refused(ErrorCodes.HalfTimedOut, () => broker.EndHalf("t", first, HalfState.Committed));
        await Refused(ErrorCodes.HalfTimedOut, () => broker.EndHalf("t", second, HalfState.RolledBack));
        Assert.Equal(2, (await broker.ListHalf("t")).Items.Count);
        await broker.EndHalf("t", first, HalfState.Committed, force: true);
        await broker.EndHalf("t", second, HalfState.RolledBack, force: true);

        Assert.Equal(["half"], Bodies(await broker.ReadAll("t")));
        Assert.Empty((await broker.ListHalf("t")).Items);
    });

    [Fact]
    public Task StatesSurviveARestart() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        var halves = new List<string>();
        for (var i = 0; i < 4; i++)
            halves.Add(await Begin(host.Broker));
        var committed = await host.Broker.EndHalf("t", halves[0], HalfState.Committed);
        await host.Broker.EndHalf("t", halves[1], HalfState.RolledBack);
        await Time.Pass(TimeSpan.FromSeconds(100));

        await host.Restart();

        Assert.Equal(committed with { Duplicate = true }, await host.Broker.EndHalf("t", halves[0], HalfState.Committed));
        await Refused(ErrorCodes.HalfRolledBack, () => host.Broker.EndHalf("t", halves[1], HalfState.Committed));
        Assert.Equal([halves[2], halves[3]], (await host.Broker.CheckHalf("t", "pay")).Select(check => check.Id));
        await host.Broker.EndHalf("t", halves[2], HalfState.Committed);
        await Time.Pass(TimeSpan.FromSeconds(91));
        await host.Restart();
        Assert.Equal(HalfState.TimedOut, Assert.Single((await host.Broker.ListHalf("t")).Items).State);
        Assert.Equal(["half", "half"], Bodies(await host.Broker.ReadAll("t")));
    });

    [Fact]
    public Task WhatNobodyCouldBeAskedAboutIsAskedOnceMoreBeforeItIsPutAside() => Story(async host =>
    {
        await host.Broker.PutTopic("t", new());
        var (first, second) = (await Begin(host.Broker), await Begin(host.Broker));
        await host.Restart();
        // Nobody opens the partition for far longer than all checks take.
        await Time.Pass(TimeSpan.FromMinutes(30));

        Assert.Equal([first, second], (await host.Broker.CheckHalf("t", "pay")).Select(check => check.Id));

        await host.Broker.EndHalf("t", first, HalfState.Committed);
        await Time.Pass(TimeSpan.FromSeconds(61));
        await Refused(ErrorCodes.HalfTimedOut, () => host.Broker.EndHalf("t", second, HalfState.Committed));
        Assert.Equal(["half"], Bodies(await host.Broker.ReadAll("t")));
    });

    private static async Task<string> Begin(IBroker broker) => Assert.Single(await broker.Publish("t", [Text("half") with { Half = Terms }])).Half!;
}

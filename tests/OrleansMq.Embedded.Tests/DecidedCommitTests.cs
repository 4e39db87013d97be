using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Cursors that a committed transaction moved don't go back.</summary>
public sealed class DecidedCommitTests
{
    private readonly ManualTime _time = new();
    private readonly IDocuments _documents = new VolatileStorage().Documents;

    [Fact]
    public void OneThatIsStillTriedWhenItsTransactionIsCompletedTakesNoLaterOneBack() => StoryThread.Run(async () =>
    {
        await using var broker = await WithMessages();
        var (back, tried) = (new TaskCompletionSource(), 0);
        var away = BrokerProxy.Of((method, arguments) => method.Name == nameof(IBroker.Commit) && tried++ == 0
            ? new ValueTask(Late(arguments))
            : BrokerProxy.On(broker, method, arguments));
        await using var groups = new GroupCoordinator(away, _documents, _time, Guid.NewGuid);

        // Who sent the first waits for it no longer, sends it again and goes on.
        var first = groups.CommitDecided("g", [At(1)], new DecidedTerm("id", 1, 2)).AsTask();
        var again = groups.CommitDecided("g", [At(1)], new DecidedTerm("id", 1, 2)).AsTask();
        var next = groups.CommitDecided("g", [At(2)], new DecidedTerm("id", 1, 5)).AsTask();
        back.SetResult();

        Assert.Equal([null, null, null], (await Task.WhenAll(first, again, next)).SelectMany(errors => errors));
        Assert.Equal(2, Assert.Single(await groups.Committed("g")).Offset);

        async Task Late(object?[] arguments)
        {
            await back.Task;
            await broker.Commit((TopicName)arguments[0]!, (GroupName)arguments[1]!, (CommitRequest)arguments[2]!);
        }
    });

    [Fact]
    public void WhoWasReplacedAndDoesNotKnowMovesNothing() => StoryThread.Run(async () =>
    {
        await using var broker = await WithMessages();
        await using var groups = new GroupCoordinator(broker, _documents, _time, Guid.NewGuid);
        await groups.CommitDecided("g", [At(1)], new DecidedTerm("id", 1, 2));
        await groups.CommitDecided("g", [At(2)], new DecidedTerm("id", 1, 5));

        Assert.Equal([null], await groups.CommitDecided("g", [At(1)], new DecidedTerm("id", 1, 2)));

        Assert.Equal(2, Assert.Single(await groups.Committed("g")).Offset);
    });

    [Fact]
    public void WhoWasReplacedAndSendsWhatIsCarriedOutTakesAnothersCommitNotBack() => StoryThread.Run(async () =>
    {
        await using var broker = await WithMessages();
        await using var groups = new GroupCoordinator(broker, _documents, _time, Guid.NewGuid);
        await groups.CommitDecided("g", [At(1)], new DecidedTerm("id", 1, 5));
        await groups.CommitDecided("g", [At(2)], new DecidedTerm("another", 2, 3));

        Assert.Equal([null], await groups.CommitDecided("g", [At(1)], new DecidedTerm("id", 1, 5)));

        Assert.Equal(2, Assert.Single(await groups.Committed("g")).Offset);
    });

    [Fact]
    public void WhatCouldNotBeMovedIsMovedByTheSameDecisionSentAgain() => StoryThread.Run(async () =>
    {
        await using var broker = await WithMessages();
        var tried = 0;
        var away = BrokerProxy.Of((method, arguments) => method.Name == nameof(IBroker.Commit) && tried++ == 0
            ? new ValueTask(Task.FromException(new MqException(ErrorCodes.PartitionUnavailable, "It is away.")))
            : BrokerProxy.On(broker, method, arguments));
        await using var groups = new GroupCoordinator(away, _documents, _time, Guid.NewGuid);
        Assert.NotNull(Assert.Single(await groups.CommitDecided("g", [At(1)], new DecidedTerm("id", 1, 5))));

        Assert.Equal([null], await groups.CommitDecided("g", [At(1)], new DecidedTerm("id", 1, 5)));

        Assert.Equal(1, Assert.Single(await groups.Committed("g")).Offset);
    });

    private async Task<EmbeddedBroker> WithMessages()
    {
        var broker = await EmbeddedBroker.InMemory(_time);
        await broker.PutTopic("t", new TopicChange());
        await broker.Publish("t", [Message.OfText("one"), Message.OfText("two"), Message.OfText("three")]);
        return broker;
    }

    private static GroupOffset At(long offset) => new("t", 0, offset);
}

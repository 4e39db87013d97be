using System.Collections.Concurrent;
using OrleansMq.Conformance;

namespace OrleansMq.Abstractions.Tests;

public sealed class LogConsumerTests
{
    private readonly ManualTime _time = new();
    private readonly ConcurrentQueue<string> _handled = new();

    [Fact]
    public void AllAssignedPartitionsAreReadInOrderAndCommitted() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(3);
        for (var partition = 0; partition < 3; partition++)
        {
            broker.Post(partition, 10);
            broker.Post(partition, 5);
        }

        await using var consumer = broker.Follow("t", "g", Handle, time: _time);

        await _time.Until(broker.Until(state => state.Cursors.All(cursor => cursor == 15)));
        for (var partition = 0; partition < 3; partition++)
            Assert.Equal(Enumerable.Range(0, 15).Select(offset => $"{partition}:{offset}"), Of(partition));
    });

    [Fact]
    public void ReadingBeginsAtTheGroupsCursorInTheMiddleOfABatch() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(1);
        broker.Post(0, 10);
        broker.Cursors[0] = 7;

        await using var consumer = broker.Follow("t", "g", Handle, time: _time);

        await _time.Until(broker.Until(state => state.Cursors[0] == 10));
        Assert.Equal(["0:7", "0:8", "0:9"], _handled);
    });

    [Fact]
    public void AHandlerThatThrowsIsCalledAgainWithTheSameMessage() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(1);
        broker.Post(0, 3);
        var thrown = 0;

        await using var consumer = broker.Follow("t", "g", (message, _) =>
        {
            if (message.Position.Offset == 1 && thrown++ < 5)
                throw new InvalidOperationException("Five times.");
            return Handle(message, default);
        }, time: _time);

        await _time.Until(broker.Until(state => state.Cursors[0] == 3));
        Assert.Equal(["0:0", "0:1", "0:2"], _handled);
    });

    [Fact]
    public void AMessageIsGivenUpAfterMaxAttemptsAndCounted() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(1);
        broker.Post(0, 3);

        await using var consumer = broker.Follow(
            "t", "g", (message, _) => message.Position.Offset == 1 ? throw new InvalidOperationException("Always.") : Handle(message, default), new() { MaxAttempts = 3 }, _time);

        await _time.Until(broker.Until(state => state.Cursors[0] == 3));
        Assert.Equal(["0:0", "0:2"], _handled);
        Assert.Equal(1, consumer.Statistics.Skipped);
    });

    [Fact]
    public void WhenTheGroupMovesOnItJoinsAgainAndReadsItsNewShare() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(2);
        broker.Post(0, 5);
        await using var consumer = broker.Follow("t", "g", Handle, time: _time);
        await _time.Until(broker.Until(state => state.Cursors[0] == 5));

        broker.Rebalance(1);
        await _time.Until(broker.Until(state => state.Joins.Count == 2));
        broker.Post(0, 5);
        broker.Post(1, 5);

        await _time.Until(broker.Until(state => state.Cursors[1] == 5));
        Assert.Equal(5, Of(0).Length);
        Assert.Equal(broker.Joins[0], broker.Joins[1]);
    });

    [Fact]
    public void AMemberWithoutPartitionsStandsByUntilItHasSome() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(1) { Assigned = [] };
        broker.Post(0, 5);
        await using var consumer = broker.Follow("t", "g", Handle, time: _time);
        await _time.Until(broker.Until(state => state.Joins.Count == 1));

        broker.Rebalance(0);

        await _time.Until(broker.Until(state => state.Cursors[0] == 5));
    });

    [Fact]
    public void WhatRetentionRemovedIsCountedAndReadingGoesOn() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(1);
        broker.Post(0, 10);
        broker.Post(0, 10);
        broker.Starts[0] = 10;

        await using var consumer = broker.Follow("t", "g", Handle, time: _time);

        await _time.Until(broker.Until(state => state.Cursors[0] == 20));
        Assert.Equal(10, _handled.Count);
        Assert.Equal(10, consumer.Statistics.Missed);
    });

    [Fact]
    public void FailedReadsAreRepeated() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(1) { ReadScript = call => call < 10 ? new IOException("The connection broke.") : null };
        broker.Post(0, 5);

        await using var consumer = broker.FollowBatches("t", "g", (messages, _) => Handle(messages[0], default), time: _time);

        await _time.Until(broker.Until(state => state.Cursors[0] == 5));
        Assert.Equal(10, consumer.Statistics.Errors);
    });

    [Fact]
    public void ClosingCommitsWhatWasHandledAndLeaves() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(1);
        broker.Post(0, 5);
        var third = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var consumer = broker.Follow("t", "g", async (message, _) =>
        {
            if (message.Position.Offset == 2)
            {
                third.SetResult();
                await gate.Task;
            }
        }, time: _time);
        await third.Task;

        var closing = consumer.DisposeAsync().AsTask();
        gate.SetResult();

        await closing;
        Assert.Equal(3, broker.Cursors[0]);
        Assert.Single(broker.Leaves);
    });

    [Fact]
    public void BrowsingEndsWhereTheEndWasWhenItBegan() => StoryThread.Run(async () =>
    {
        var broker = new LogGroupBroker(1);
        broker.Post(0, 5);
        broker.Post(0, 5);
        List<long> offsets = [];

        await foreach (var message in broker.Browse("t", 0, StartAt.Offset(3)))
        {
            offsets.Add(message.Position.Offset);
            if (offsets.Count == 1)
                broker.Post(0, 5);
        }

        Assert.Equal([3, 4, 5, 6, 7, 8, 9], offsets);
    });

    private Task Handle(StoredMessage message, CancellationToken cancel)
    {
        _handled.Enqueue(message.BodyText);
        return Task.CompletedTask;
    }

    private string[] Of(int partition) => [.. _handled.Where(body => body.StartsWith($"{partition}:", StringComparison.Ordinal))];
}

using System.Collections.Concurrent;
using OrleansMq.Conformance;

namespace OrleansMq.Abstractions.Tests;

public sealed class QueueConsumerTests
{
    private readonly ManualTime _time = new();
    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public void EveryMessageIsHandledOnceAndAcknowledged() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        var handled = new ConcurrentBag<long>();
        broker.Post(1000);

        await using var consumer = broker.Consume("t", "g", (delivery, _) =>
        {
            handled.Add(delivery.Position.Offset);
            return Task.CompletedTask;
        }, new() { Workers = 4 }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 1000));
        Assert.Equal(1000, handled.Distinct().Count());
        Assert.Equal(1000, handled.Count);
    });

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(16)]
    [InlineData(64)]
    public void NWorkersAreNTimesAsFastWithNoSettingChanged(int workers) => StoryThread.Run(async () =>
    {
        const int Each = 50;
        var broker = new QueueBroker();
        broker.Post(workers * Each);
        var began = _time.GetUtcNow();

        await using var consumer = broker.Consume(
            "t", "g", (_, cancel) => Task.Delay(TimeSpan.FromMilliseconds(10), _time, cancel), new() { Workers = workers }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == workers * Each));
        Assert.InRange((_time.GetUtcNow() - began).TotalMilliseconds, 10 * Each, 10 * Each / 0.95);
    });

    [Fact]
    public void AcknowledgementsAreGatheredIntoFewCalls() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        broker.Post(10_000);

        await using var consumer = broker.Consume("t", "g", (_, _) => Task.CompletedTask, new() { Prefetch = 1000 }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 10_000));
        Assert.InRange(broker.Settlements.Count, 1, 5000);
    });

    [Fact]
    public void WhatAHandlerThrowsDecidesWhatBecomesOfTheMessage() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        var errors = new ConcurrentBag<Exception>();
        broker.Post(3);

        await using var consumer = broker.Consume("t", "g", (delivery, _) => (delivery.Position.Offset, delivery.DeliveryCount) switch
        {
            (0, 1) => throw new InvalidOperationException("Once."),
            (1, 1) => throw new RefuseException(TimeSpan.FromSeconds(5)),
            (2, _) => throw new DeadLetterException("Poison."),
            _ => Task.CompletedTask,
        }, new() { OnError = errors.Add }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 2 && state.DeadLetters.Count == 1));
        Assert.Contains(broker.Settlements, settlement => settlement is { Kind: SettlementKind.Refuse, Delay: null } && settlement.Leases[0].Offset == 0);
        Assert.Contains(broker.Settlements, settlement => settlement.Delay == TimeSpan.FromSeconds(5) && settlement.Leases[0].Offset == 1);
        Assert.Equal("Poison.", broker.DeadLetters[2]);
        Assert.Equal("Once.", Assert.Single(errors).Message);
    });

    [Fact]
    public void ALostReceiveReplyCostsNothing() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker { ReceiveScript = call => call == 0 ? Fault.ReplyLost : null };
        broker.Post(2);
        var counts = new ConcurrentBag<int>();

        await using var consumer = broker.Consume("t", "g", (delivery, _) =>
        {
            counts.Add(delivery.DeliveryCount);
            return Task.CompletedTask;
        }, time: _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 2));
        Assert.Equal(broker.Receives[0].RequestId, broker.Receives[1].RequestId);
        Assert.All(counts, count => Assert.Equal(1, count));
    });

    [Fact]
    public void ALostSettleReplyIsRepeatedAndNotCountedAsLapsed() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker { SettleScript = (call, _) => call == 0 ? Fault.ReplyLost : null };
        broker.Post(1);

        await using (var consumer = broker.Consume("t", "g", (_, _) => Task.CompletedTask, time: _time))
        {
            await _time.Until(broker.Until(state => state.Settlements.Count == 2));
            await _time.Until(consumer.DisposeAsync().AsTask());
            Assert.Equal((1, 0), (consumer.Statistics.Acknowledged, consumer.Statistics.Lapsed));
        }
    });

    [Fact]
    public void AnUnavailableBrokerIsAskedUntilItAnswers() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker { ReceiveScript = call => call < 20 ? Fault.Unavailable : null, SettleScript = (call, _) => call < 20 ? Fault.Unavailable : null };
        broker.Post(1);

        await using var consumer = broker.Consume("t", "g", (_, _) => Task.CompletedTask, time: _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 1));
    });

    [Fact]
    public void LeasesAreExtendedWhileTheHandlerRuns() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        broker.Post(1);

        await using var consumer = broker.Consume("t", "g", (_, cancel) => Task.Delay(TimeSpan.FromSeconds(120), _time, cancel), time: _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 1));
        Assert.InRange(broker.Settlements.Count(settlement => settlement.Kind == SettlementKind.Extend), 5, 9);
    });

    [Fact]
    public void AWaitingMessageWhoseLeaseIsLostIsLeftToOthers() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        var handled = new ConcurrentQueue<(long Offset, int Count)>();
        broker.Post(2);
        await using var consumer = broker.Consume("t", "g", async (delivery, _) =>
        {
            handled.Enqueue((delivery.Position.Offset, delivery.DeliveryCount));
            await _gate.Task;
        }, new() { Prefetch = 2 }, _time);
        while (broker.Leased < 2)
            await Task.Yield();

        broker.Lapse(new LeaseId(0, 0, 1, 1, 1));
        await _time.Until(broker.Until(state => state.Settlements.Any(settlement => settlement.Kind == SettlementKind.Extend)));
        await _time.Until(broker.Until(state => state.Settlements.Count(settlement => settlement.Kind == SettlementKind.Extend) == 2));
        _gate.SetResult();

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 2));
        Assert.Equal([(0, 1), (1, 2)], handled);
    });

    [Fact]
    public void ClosingFinishesHandlersAndGivesTheRestBack() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        broker.Post(10);
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var consumer = broker.Consume("t", "g", async (_, _) =>
        {
            began.TrySetResult();
            await _gate.Task;
        }, new() { Prefetch = 5 }, _time);
        await began.Task;

        var closing = consumer.DisposeAsync().AsTask();
        await _time.Until(broker.Until(state => state.Leased == 1));
        _gate.SetResult();

        await closing;
        Assert.Equal([0], broker.Acknowledged);
        Assert.Equal(0, broker.Leased);
    });

    [Fact]
    public void ClosingGivesBackWhatAnAnswerUnderWayCarries() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker { AnswersAfter = _gate.Task };
        broker.Post(10);
        var consumer = broker.Consume("t", "g", (_, _) => Task.CompletedTask, new() { Prefetch = 5 }, _time);
        Assert.Equal(5, broker.Leased);

        await consumer.DisposeAsync();

        Assert.Equal(0, broker.Leased);
        Assert.Empty(broker.Acknowledged);
        Assert.Equal(broker.Receives[0].RequestId, broker.Receives[^1].RequestId);
    });

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 2)]
    public void ClosingAsksOnceMoreWhereItIsNotKnownWhatAFailedReceiveDid(bool refused, int calls) => StoryThread.Run(async () =>
    {
        var errors = new ConcurrentBag<Exception>();
        var broker = new QueueBroker { ReceiveScript = _ => refused ? Fault.Unavailable : Fault.RequestLost };
        var consumer = broker.Consume("t", "g", (_, _) => Task.CompletedTask, new() { OnError = errors.Add }, _time);

        await _time.Until(consumer.DisposeAsync().AsTask());

        Assert.Equal((calls, calls), (errors.Count, broker.Receives.Count));
    });

    [Fact]
    public void WorkersSideBySideKeepTheOrderOfAKey() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker(new() { ByKey = true });
        var handled = new ConcurrentQueue<long>();
        broker.Post(300, offset => $"{offset % 3}");
        var chance = new Random(1);

        await using var consumer = broker.Consume("t", "g", async (delivery, _) =>
        {
            int turns;
            lock (chance)
                turns = chance.Next(5);
            while (turns-- > 0)
                await Task.Yield();
            handled.Enqueue(delivery.Position.Offset);
        }, new() { Workers = 8 }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 300));
        for (var key = 0; key < 3; key++)
            Assert.Equal(Enumerable.Range(0, 100).Select(n => (long)(3 * n + key)), handled.Where(offset => offset % 3 == key));
    });

    [Fact]
    public void WhereAMessageOfAKeyIsRefusedThoseBehindItAreGivenBack() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker(new() { ByKey = true });
        var handled = new ConcurrentQueue<long>();
        broker.Post(2, _ => "k");

        await using var consumer = broker.Consume("t", "g", (delivery, _) =>
        {
            handled.Enqueue(delivery.Position.Offset);
            return delivery is { Position.Offset: 0, DeliveryCount: 1 } ? throw new RefuseException() : Task.CompletedTask;
        }, new() { Workers = 2 }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 2));
        Assert.Contains(broker.Settlements, settlement => settlement.Delay == TimeSpan.Zero && settlement.Leases.Any(lease => lease.Offset == 1));
    });

    [Fact]
    public void ABatchIsHandedOverWhenItIsFullOrItsTimeHasPassed() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        var sizes = new ConcurrentQueue<int>();
        broker.Post(25);

        await using var consumer = broker.ConsumeBatches("t", "g", (batch, _) =>
        {
            sizes.Enqueue(batch.Deliveries.Count);
            return Task.CompletedTask;
        }, new() { MaxMessages = 10, MaxWait = TimeSpan.FromSeconds(1) }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 25));
        Assert.Equal([10, 10, 5], sizes);
    });

    [Fact]
    public void ABatchMayFailInPart() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        broker.Post(4);

        await using var consumer = broker.ConsumeBatches("t", "g", (batch, _) =>
        {
            for (var i = 0; i < batch.Deliveries.Count; i++)
            {
                if (batch.Deliveries[i] is { Position.Offset: 1, DeliveryCount: 1 })
                    batch.Fail(i, TimeSpan.FromSeconds(1));
                if (batch.Deliveries[i].Position.Offset == 2)
                    batch.DeadLetter(i, "Poison.");
            }

            return Task.CompletedTask;
        }, new() { MaxMessages = 4, MaxWait = TimeSpan.FromSeconds(1) }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 3));
        Assert.Equal([2], broker.DeadLetters.Keys);
        Assert.Single(broker.Settlements, settlement => settlement.Delay == TimeSpan.FromSeconds(1));
    });

    [Fact]
    public void ABatchThatThrowsRefusesWhatItHasNotMarked() => StoryThread.Run(async () =>
    {
        var broker = new QueueBroker();
        broker.Post(3);

        await using var consumer = broker.ConsumeBatches("t", "g", (batch, _) =>
        {
            if (batch.Deliveries[0].DeliveryCount > 1)
                return Task.CompletedTask;
            batch.Acknowledge(0);
            throw new InvalidOperationException("Once.");
        }, new() { MaxMessages = 3, MaxWait = TimeSpan.FromSeconds(1) }, _time);

        await _time.Until(broker.Until(state => state.Acknowledged.Count == 3));
        Assert.Equal(2, broker.Settlements.Where(settlement => settlement.Kind == SettlementKind.Refuse).Sum(settlement => settlement.Leases.Count));
    });
}

using System.Collections.Concurrent;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>The .NET consumers over this broker.</summary>
public abstract class ConsumerContract : BrokerContract
{
    private readonly ConcurrentQueue<string> _handled = new();

    [Fact]
    public Task EveryMessageIsHandledAndSettled() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 4 });
        await Publish(broker, "t", Numbers(0, 500));

        await using (var consumer = broker.Consume("t", "g", Handle, new() { Workers = 8 }, ClientTime))
            await Handled(500);

        Assert.Equal(Numbers(0, 500).Order(), _handled.Order());
        var group = await broker.DescribeGroup("t", "g");
        Assert.Equal((0, 0), (group.Partitions.Sum(partition => partition.Lag), group.Partitions.Sum(partition => partition.InFlight)));
    });

    [Fact]
    public Task AHandlerThatThrowsHasItsMessageAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Backoff = Change<IReadOnlyList<TimeSpan>>.To([]) });
        await Publish(broker, "t", "a");

        await using var consumer = broker.Consume(
            "t", "g", (delivery, cancel) => delivery.DeliveryCount < 3 ? throw new InvalidOperationException("Twice.") : Handle(delivery, cancel), time: ClientTime);

        await Handled(1);
    });

    [Fact]
    public Task AHandlerSendsAMessageToDeadLetters() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "poison", "healthy");

        await using (var consumer = broker.Consume(
            "t", "g", (delivery, cancel) => delivery.BodyText == "poison" ? throw new DeadLetterException("Bad.") : Handle(delivery, cancel), time: ClientTime))
            await Handled(1);

        Assert.Equal("Bad.", Assert.Single(await broker.ReadAll("t.g.dlq")).DeadLetter!.Reason);
    });

    [Fact]
    public Task ABatchMayFailInPart() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", Numbers(0, 20));

        await using (var consumer = broker.ConsumeBatches("t", "g", async (batch, cancel) =>
        {
            for (var i = 0; i < batch.Deliveries.Count; i++)
            {
                if (batch.Deliveries[i] is { BodyText: "7", DeliveryCount: 1 })
                    batch.Fail(i, TimeSpan.Zero);
                else if (batch.Deliveries[i].BodyText == "9")
                    batch.DeadLetter(i, "Nine.");
                else
                    await Handle(batch.Deliveries[i], cancel);
            }
        }, new() { MaxMessages = 8, MaxWait = TimeSpan.FromMilliseconds(20) }, ClientTime))
            await Handled(19);

        Assert.Equal(Numbers(0, 20).Where(body => body != "9").Order(), _handled.Order());
        Assert.Equal("9", Assert.Single(await broker.ReadAll("t.g.dlq")).BodyText);
    });

    [Fact]
    public Task WorkersSideBySideKeepTheOrderOfAKey() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await PublishKeyed(broker, "t", [.. Enumerable.Range(0, 300).Select(n => ($"k-{n % 7}", Number(n)))]);

        await using var consumer = broker.Consume("t", "g", async (delivery, cancel) =>
        {
            await Task.Yield();
            await Handle(delivery, cancel);
        }, new() { Workers = 8 }, ClientTime);

        await Handled(300);
        for (var key = 0; key < 7; key++)
            Assert.Equal(
                Enumerable.Range(0, 300).Where(n => n % 7 == key), _handled.Select(body => int.Parse(body, System.Globalization.CultureInfo.InvariantCulture)).Where(n => n % 7 == key));
    });

    [Fact]
    public Task WhatWasNotBegunIsAnothersAfterClosing() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", Numbers(0, 10));
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var consumer = broker.Consume("t", "g", async (_, _) =>
        {
            began.TrySetResult();
            await gate.Task;
        }, new() { Prefetch = 10 }, ClientTime);
        await Until(began.Task);

        var closing = consumer.DisposeAsync().AsTask();
        gate.SetResult();
        await Until(closing);

        Assert.Equal(Numbers(1, 9), Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task ALogConsumerReadsEveryPartitionInOrderAndTheNextGoesOnWhereItEnded() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });
        await Publish(broker, "t", Numbers(0, 300));
        await using (var first = broker.Follow("t", "g", Handle, time: ClientTime))
            await Handled(300);
        await Publish(broker, "t", Numbers(300, 30));

        await using (var second = broker.Follow("t", "g", Handle, time: ClientTime))
            await Handled(330);

        Assert.Equal(Numbers(0, 330).Order(), _handled.Order());
        Assert.All((await broker.DescribeGroup("t", "g")).Partitions, partition => Assert.Equal(0, partition.Lag));
        Assert.Empty((await broker.DescribeGroup("t", "g")).Members);
    });

    [Fact]
    public Task TwoLogConsumersShareThePartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 4 });
        var options = new LogConsumerOptions { SessionTimeout = TimeSpan.FromSeconds(1) };
        await using var first = broker.Follow("t", "g", Handle, options, ClientTime);
        await using var second = broker.Follow("t", "g", Handle, options, ClientTime);
        await Until(Shared());

        await Publish(broker, "t", Numbers(0, 100));

        await Handled(100);
        Assert.Equal(Numbers(0, 100).Order(), _handled.Order());
        Assert.True(first.Statistics.Handled > 0 && second.Statistics.Handled > 0);

        // Both know of the generation in which each has its half.
        async Task Shared()
        {
            while (first.Statistics.Generation == 0 || first.Statistics.Generation != second.Statistics.Generation)
                await Task.Delay(TimeSpan.FromMilliseconds(20), ClientTime);
        }
    });

    private Task Handle(StoredMessage message, CancellationToken cancel)
    {
        _handled.Enqueue(message.BodyText);
        return Task.CompletedTask;
    }

    private Task Handled(int count)
    {
        return Until(All());

        async Task All()
        {
            while (_handled.Count < count)
                await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
        }
    }
}

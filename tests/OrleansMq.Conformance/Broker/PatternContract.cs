using System.Collections.Concurrent;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Consuming all topics of a pattern over this broker.</summary>
public abstract class PatternContract : BrokerContract
{
    private static readonly PatternOptions Often = new() { DiscoveryInterval = TimeSpan.FromMilliseconds(100) };

    private readonly ConcurrentQueue<string> _handled = new();

    [Fact]
    public Task WhatMatchesIsConsumedAndAcknowledgedInItsTopic() => Story(async broker =>
    {
        await Topics(broker, ["1", "2"], "orders.eu", "orders.us", "orders", "payments.eu");

        await using (var consumer = broker.ConsumeMatching("orders.*", "billing", Handle, topics: Often, time: ClientTime))
            await Until(Handled(4));

        Assert.Equal(["orders.eu 1", "orders.eu 2", "orders.us 1", "orders.us 2"], _handled.Order());
        Assert.Equal(0, (await broker.DescribeGroup("orders.eu", "billing")).Partitions[0].Lag);
        Assert.Empty((await broker.ListGroups("orders")).Items);
        Assert.Empty((await broker.ListGroups("payments.eu")).Items);
    });

    [Fact]
    public Task ATopicThatIsNewIsConsumedFromItsBeginningAndOneThatIsGoneIsLeft() => Story(async broker =>
    {
        await broker.PutTopic("orders.eu", new());
        await using var consumer = broker.ConsumeMatching("orders.*", "g", Handle, new() { ReceiveWait = TimeSpan.FromMilliseconds(100) }, Often, ClientTime);
        await Until(Consumed(consumer, "orders.eu"));

        await broker.PutTopic("orders.us", new());
        await Publish(broker, "orders.us", "1");
        await Until(Handled(1));
        await broker.DeleteTopic("orders.eu");
        await Until(Consumed(consumer, "orders.us"));
        // Under the same name another.
        await broker.PutTopic("orders.eu", new());
        await Publish(broker, "orders.eu", "2");
        await Until(Handled(2));

        Assert.Equal(["orders.us 1", "orders.eu 2"], _handled);
    });

    [Fact]
    public Task ASlowTopicStopsNoOther() => Story(async broker =>
    {
        await broker.PutTopic("t.fast", new());
        await broker.PutTopic("t.slow", new());
        await Publish(broker, "t.slow", "0");
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var consumer = broker.ConsumeMatching("t.*", "g", async (topic, message, cancel) =>
        {
            if (topic == "t.slow")
            {
                began.TrySetResult();
                await gate.Task;
            }

            await Handle(topic, message, cancel);
        }, topics: Often, time: ClientTime);
        await Until(began.Task);

        await Publish(broker, "t.fast", Numbers(1, 50));
        await Until(Handled(50));
        gate.SetResult();
        await Until(Handled(51));

        Assert.Equal([.. Numbers(1, 50).Select(number => "t.fast " + number), "t.slow 0"], _handled);
    });

    [Fact]
    public Task BeyondTheLimitTopicsWaitUntilOthersAreGone() => Story(async broker =>
    {
        await Topics(broker, ["m"], "t.1", "t.2", "t.3");

        var told = new ConcurrentQueue<Exception>();
        await using var consumer = broker.ConsumeMatching("t.*", "g", Handle, topics: Often with { MaxTopics = 2, OnError = told.Enqueue }, time: ClientTime);
        await Until(Handled(2));
        await Until(Rounds(consumer, 3));
        Assert.Equal(1, consumer.Statistics.BeyondLimit);
        Assert.Equal(ErrorCodes.QuotaReached, Assert.IsType<MqException>(Assert.Single(told)).Code);
        Assert.Equal(["t.1 m", "t.2 m"], _handled.Order());

        await broker.DeleteTopic("t.1");
        await Until(Handled(3));

        Assert.Contains("t.3 m", _handled);
        Assert.Equal(0, consumer.Statistics.BeyondLimit);
    });

    [Fact]
    public Task LogsAreReadInTheOrderOfEachAndGoOnWhereTheyEnded() => Story(async broker =>
    {
        await Topics(broker, Numbers(0, 20), "log.a", "log.b");

        await using (var first = broker.FollowMatching("log.*", "g", Handle, topics: Often, time: ClientTime))
            await Until(Handled(40));
        await Publish(broker, "log.b", "20");
        await using (var second = broker.FollowMatching("log.*", "g", Handle, topics: Often, time: ClientTime))
            await Until(Handled(41));

        Assert.Equal(Numbers(0, 20).Select(number => "log.a " + number), _handled.Where(each => each.StartsWith("log.a", StringComparison.Ordinal)));
        Assert.Equal(Numbers(0, 21).Select(number => "log.b " + number), _handled.Where(each => each.StartsWith("log.b", StringComparison.Ordinal)));
    });

    [Fact]
    public Task ATopicWhoseConsumerCanNotBeStartedStopsNoOther() => Story(async broker =>
    {
        await Topics(broker, ["1"], "t.a", "t.b", "t.c");
        var failures = new ConcurrentQueue<Exception>();
        await using var consumer = new PatternConsumer(
            broker, "t.*",
            topic => topic == "t.a" ? throw new InvalidOperationException("no handler for t.a") : broker.Consume(topic, "g", (message, cancel) => Handle(topic, message, cancel), time: ClientTime),
            Often with { OnError = failures.Enqueue }, ClientTime);

        await Until(Handled(2));
        await Until(Consumed(consumer, "t.b", "t.c"));

        Assert.Equal(["t.b 1", "t.c 1"], _handled.Order());
        Assert.Equal("no handler for t.a", failures.First().Message);
        Assert.True(consumer.Statistics.Errors > 0);
    });

    private static async Task Topics(IBroker broker, string[] messages, params string[] topics)
    {
        foreach (var topic in topics)
        {
            await broker.PutTopic(topic, new());
            await Publish(broker, topic, messages);
        }
    }

    private Task Handle(TopicName topic, StoredMessage message, CancellationToken cancel)
    {
        _handled.Enqueue($"{topic} {message.BodyText}");
        return Task.CompletedTask;
    }

    private async Task Handled(int count)
    {
        while (_handled.Count < count)
            await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
    }

    private async Task Consumed(PatternConsumer consumer, params TopicName[] topics)
    {
        while (!consumer.Statistics.Topics.SequenceEqual(topics))
            await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
    }

    private async Task Rounds(PatternConsumer consumer, int rounds)
    {
        while (consumer.Statistics.Rounds < rounds)
            await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
    }
}

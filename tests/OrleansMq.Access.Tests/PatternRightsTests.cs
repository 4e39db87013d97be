using System.Collections.Concurrent;

namespace OrleansMq.Access.Tests;

/// <summary>Patterns, requests and replies of one who may not do everything.</summary>
public sealed class PatternRightsTests : IAsyncLifetime
{
    private static readonly TopicName[] Seen = ["orders.eu", "orders.us"];

    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;

    private GuardedBroker Annas => _control.As(_broker, Some.Anna);

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        _control = await Some.ControlWithAnna();
        foreach (var topic in Seen.Append("orders.secret"))
        {
            await _broker.PutTopic(topic, new());
            await _broker.Publish(topic, [Message.OfText(topic.Text)]);
        }
    }

    public async Task DisposeAsync()
    {
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
    }

    [Fact]
    public async Task APatternReachesWhatItsCallerMaySee()
    {
        foreach (var topic in Seen)
            await _control.Directory.AddRule(Some.Rule(AccessOperations.Consume, ResourceKind.Topic, topic.Text));
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Consume, ResourceKind.Group, "g"));
        var handled = new ConcurrentDictionary<string, bool>();
        var both = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        await using var consumer = Annas.ConsumeMatching("*", "g", (topic, message, _) =>
        {
            handled[$"{topic}={message.BodyText}"] = true;
            if (handled.Count == 2)
                both.TrySetResult();
            return Task.CompletedTask;
        }, topics: new() { DiscoveryInterval = TimeSpan.FromMilliseconds(20) });
        await both.Task.WaitAsync(TimeSpan.FromSeconds(30));

        // Told when the round has ended that started them.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (consumer.Statistics.Topics.Count < Seen.Length)
            await Task.Delay(10, patience.Token);
        Assert.Equal(Seen, consumer.Statistics.Topics);
        Assert.Equal(["orders.eu=orders.eu", "orders.us=orders.us"], handled.Keys.Order());
        Assert.Empty((await _broker.ListGroups("orders.secret")).Items);
    }

    [Fact]
    public async Task ARequesterNeedsNoMoreThanToSendAndToReadReplies()
    {
        await _broker.PutTopic("replies", new());
        await using var responder = _broker.Respond("orders.eu", "g", (_, _) => Task.FromResult(Message.OfText("yes")));
        await using var requester = Annas.CreateRequester(new() { Timeout = TimeSpan.FromSeconds(30) });

        Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(() => requester.Request("orders.eu", Message.OfText("?")))).Code);
        // Whoever may send there may look at it, and not read.
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Produce, ResourceKind.Topic, "replies"));
        Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(() => requester.Request("orders.eu", Message.OfText("?")))).Code);
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Browse, ResourceKind.Topic, "replies"));
        Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(() => requester.Request("orders.eu", Message.OfText("?")))).Code);
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Produce, ResourceKind.Topic, "orders.eu"));

        Assert.Equal("yes", (await requester.Request("orders.eu", Message.OfText("?"))).BodyText);
    }

    [Fact]
    public async Task AResponderSendsOnlyWhereItIsTold()
    {
        await _broker.PutTopic("payments", new());
        await _broker.PutTopic("asked", new());
        await _broker.Publish("asked", [Message.OfText("pay") with { ReplyTo = "payments" }]);
        var settled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (var responder = _broker.Respond("asked", "g", (_, _) => Task.FromResult(Message.OfText("yes")), new()
        {
            MayReplyTo = topic =>
            {
                settled.TrySetResult();
                return topic.Text.StartsWith("replies", StringComparison.Ordinal);
            },
        }))
            await settled.Task.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Empty(await _broker.ReadAll("payments"));
        Assert.Contains("'payments' is not allowed", Assert.Single(await _broker.ReadAll("asked.g.dlq")).DeadLetter!.Reason, StringComparison.Ordinal);
    }
}

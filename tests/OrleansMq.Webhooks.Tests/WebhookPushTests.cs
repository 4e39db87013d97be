using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using OrleansMq.Conformance;

namespace OrleansMq.Webhooks.Tests;

/// <summary>Pushing on a clock that stands still, to a receiver without a network.</summary>
public sealed class WebhookPushTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private static readonly Webhook Orders = new() { Topic = "orders", Group = "partner", Url = new("https://hooks.example.com/orders?x=1") };

    private readonly ManualTime _time = new();
    private readonly ConcurrentQueue<string> _said = new();

    [Fact]
    public void AMessageIsPostedWithWhatItHasAndAcknowledged() => Story(async broker =>
    {
        var receiver = new Receiver();
        await using var push = Push(broker, receiver, Orders with { Secrets = [WebhookSecret.Parse("whsec_" + Convert.ToBase64String(Key))] });
        await broker.Publish("orders", [Message.OfJson("""{"id":1}""", key: "ada ä") with
        {
            Token = "t-1", CorrelationId = "c", ReplyTo = "replies/1", Headers = [new("Color", "blue\r\nEvil: 1"), new("ce_type", "order.made"), new("ce_v2", "2"), new("ce_No", "3"), new("a b", "100%")],
        }]);
        await _time.Until(Until(() => push.Statistics.Delivered == 1));
        await Settled(broker);

        var request = Assert.Single(receiver.Requests);
        Assert.Equal((Orders.Url, """{"id":1}""", "application/json"), (request.Url, request.Body, request["content-type"]));
        Assert.Equal(("orders", "partner", "0:0", "1"), (request["mq-topic"], request["mq-group"], request["mq-position"], request["mq-delivery-count"]));
        Assert.Equal(("ada%20%C3%A4", "t-1", "c", "replies/1"), (request["mq-key"], request["mq-token"], request["mq-correlation-id"], request["mq-reply-to"]));
        Assert.Equal(("blue%0D%0AEvil:%201", "order.made", "100%25"), (request["mq-header-Color"], request["ce-type"], request["mq-header-a%20b"]));
        Assert.Equal(("2", "3"), (request["ce-v2"], request["mq-header-ce_No"]));
        var signed = Encoding.UTF8.GetBytes($"{request["webhook-id"]}.{request["webhook-timestamp"]}.{request.Body}");
        Assert.Equal("v1," + Convert.ToBase64String(HMACSHA256.HashData(Key, signed)), request["webhook-signature"]);
        Assert.Equal(_time.GetUtcNow().ToUnixTimeSeconds(), long.Parse(request["webhook-timestamp"], CultureInfo.InvariantCulture));
    });

    [Theory]
    [InlineData("text/plain; a=\"x\r\nwebhook-id: evil\"")]
    [InlineData("text/plain; a=\"x\\\nb\"")]
    [InlineData("no type")]
    public void AContentTypeThatIsNoneIsNotSent(string contentType) => Story(async broker =>
    {
        var receiver = new Receiver();
        await using var push = Push(broker, receiver, Orders);
        await broker.Publish("orders", [Message.OfText("x") with { ContentType = contentType }]);
        await _time.Until(Until(() => push.Statistics.Delivered == 1));
        Assert.Equal("application/octet-stream", Assert.Single(receiver.Requests)["content-type"]);
    });

    [Fact]
    public void WhatIsNotTakenComesAgainUnderTheSameIdAndIsADeadLetterInTheEnd() => Story(async broker =>
    {
        await broker.PutGroup("orders", "partner", new() { MaxDeliveries = 3 });
        var receiver = new Receiver((_, request) => Task.FromResult(new HttpResponseMessage(request.Body == "bad" ? HttpStatusCode.InternalServerError : HttpStatusCode.OK)));
        await using var push = Push(broker, receiver, Orders);
        var began = _time.GetUtcNow();
        await broker.Publish("orders", [Message.OfText("bad"), Message.OfText("good")]);
        await _time.Until(Until(() => push.Statistics.Failed == 3));
        await Settled(broker);

        // The group's back-off: 1 s and 5 s.
        Assert.InRange(_time.GetUtcNow() - began, TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(30));
        var bad = receiver.Requests.Where(request => request.Body == "bad").ToList();
        Assert.Equal(["1", "2", "3"], bad.Select(request => request["mq-delivery-count"]));
        Assert.Single(bad.Select(request => request["webhook-id"]).Distinct());
        Assert.Equal("bad", Assert.Single(await broker.ReadAll("orders.partner.dlq")).BodyText);
        Assert.Contains(_said, line => line.Contains("it answered 500", StringComparison.Ordinal));
    });

    [Fact]
    public void ARedrivenDeadLetterHasTheIdItHad() => Story(async broker =>
    {
        await broker.PutGroup("orders", "partner", new() { MaxDeliveries = 1 });
        var receiver = new Receiver(HttpStatusCode.BadRequest);
        await using var push = Push(broker, receiver, Orders);
        await broker.Publish("orders", [Message.OfText("a")]);
        await _time.Until(Until(() => push.Statistics.Failed == 1));
        await Settled(broker);
        await broker.Redrive("orders", "partner", DeadLetterSelection.All);
        await _time.Until(Until(() => push.Statistics.Delivered == 1));

        Assert.Equal(receiver.Requests[0]["webhook-id"], receiver.Requests[1]["webhook-id"]);
    });

    [Fact]
    public void NoAnswerInTimeIsARefusal() => Story(async broker =>
    {
        var never = new TaskCompletionSource<HttpResponseMessage>();
        var receiver = new Receiver((n, _) => n == 0 ? never.Task : Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)));
        await using var push = Push(broker, receiver, Orders with { Timeout = TimeSpan.FromSeconds(3) });
        await broker.Publish("orders", [Message.OfText("a")]);
        await _time.Until(Until(() => push.Statistics.Delivered == 1));

        Assert.Equal(1, push.Statistics.Failed);
        Assert.Contains(_said, line => line.Contains("did not answer within 3000 ms", StringComparison.Ordinal));
        Assert.Contains(_said, line => line.Contains("takes messages again", StringComparison.Ordinal));
    });

    [Fact]
    public void AReceiverThatFailsNowAndThenIsToldOfOnceAMinute() => Story(async broker =>
    {
        // Of two messages the first fails once.
        var receiver = new Receiver((_, request) => Task.FromResult(new HttpResponseMessage(
            request["mq-delivery-count"] == "1" && request.Body.EndsWith('x') ? HttpStatusCode.InternalServerError : HttpStatusCode.OK)));
        await using var push = Push(broker, receiver, Orders with { MaxInFlight = 1 });
        await broker.Publish("orders", [.. Enumerable.Range(0, 20).Select(i => Message.OfText(i % 2 == 0 ? $"{i}x" : $"{i}"))]);
        await _time.Until(Until(() => push.Statistics.Delivered == 20));
        Assert.Equal((10L, 1, 1), (push.Statistics.Failed, Told("fails at"), Told("takes messages again")));

        await _time.Pass(TimeSpan.FromMinutes(1));
        await broker.Publish("orders", [Message.OfText("20x")]);
        await _time.Until(Until(() => push.Statistics.Delivered == 21));

        Assert.Equal((2, 2), (Told("fails at"), Told("takes messages again")));

        int Told(string what) => _said.Count(line => line.Contains(what, StringComparison.Ordinal));
    });

    [Theory]
    [InlineData(60, 60)]
    [InlineData(1_000_000, 3_600)]
    public void RetryAfterLeavesTheReceiverAloneAndUsesUpNoDelivery(int asked, int kept) => Story(async broker =>
    {
        var times = new ConcurrentQueue<DateTimeOffset>();
        var receiver = new Receiver((n, _) =>
        {
            times.Enqueue(_time.GetUtcNow());
            var answer = new HttpResponseMessage(n == 0 ? HttpStatusCode.TooManyRequests : HttpStatusCode.OK);
            answer.Headers.RetryAfter = n == 0 ? new RetryConditionHeaderValue(TimeSpan.FromSeconds(asked)) : null;
            return Task.FromResult(answer);
        });
        await using var push = Push(broker, receiver, Orders with { MaxInFlight = 1 });
        await broker.Publish("orders", [.. Enumerable.Range(0, 5).Select(i => Message.OfText($"{i}"))]);
        await _time.Until(Until(() => Task.FromResult(push.Statistics.Delivered == 5), TimeSpan.FromSeconds(10)));

        Assert.All(times.Skip(1), time => Assert.True(time - times.First() >= TimeSpan.FromSeconds(kept), $"{time - times.First()}"));
        Assert.True(times.ElementAt(1) - times.First() < TimeSpan.FromSeconds(kept + 30));
        Assert.All(receiver.Requests.Where(request => request.Body != "0"), request => Assert.Equal("1", request["mq-delivery-count"]));
    });

    [Fact]
    public void InFlightIsBounded() => Story(async broker =>
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var receiver = new Receiver(async (_, _) =>
        {
            await gate.Task;
            return new HttpResponseMessage(HttpStatusCode.OK);
        });
        await using var push = Push(broker, receiver, Orders with { MaxInFlight = 3 });
        await broker.Publish("orders", [.. Enumerable.Range(0, 20).Select(i => Message.OfText($"{i}"))]);
        await _time.Until(Until(() => receiver.Requests.Count == 3));
        await _time.Pass(TimeSpan.FromSeconds(2));
        Assert.Equal((3, 3), (receiver.Requests.Count, (await broker.DescribeGroup("orders", "partner")).Partitions[0].InFlight));
        gate.SetResult();
        await _time.Until(Until(() => push.Statistics.Delivered == 20));

        Assert.Equal(3, receiver.MostOpen);
    });

    [Fact]
    public void TheGroupIsDeclaredAsSoonAsThereIsATopic() => StoryWithoutTopic(async broker =>
    {
        var receiver = new Receiver();
        await using var push = Push(broker, receiver, Orders);
        await _time.Pass(TimeSpan.FromSeconds(3));
        Assert.Contains(_said, line => line.Contains("waits for its group", StringComparison.Ordinal));

        await broker.PutTopic("orders", new());
        await broker.Publish("orders", [Message.OfText("a")]);
        await _time.Until(Until(() => push.Statistics.Delivered == 1));

        Assert.True((await broker.DescribeGroup("orders", "partner")).Declared);
    });

    [Fact]
    public void TooManyHeadersMakeADeadLetter() => Story(async broker =>
    {
        var receiver = new Receiver();
        await using var push = Push(broker, receiver, Orders);
        await broker.Publish("orders", [Message.OfText("a") with { Headers = [new("big", new string('x', WebhookRequest.MaxHeaderBytes))] }, Message.OfText("b")]);
        await _time.Until(Until(() => push.Statistics.Delivered == 1));
        await Settled(broker);

        Assert.Equal("b", Assert.Single(receiver.Requests).Body);
        Assert.Contains("is the limit", Assert.Single(await broker.ReadAll("orders.partner.dlq")).DeadLetter!.Reason, StringComparison.Ordinal);
    });

    [Fact]
    public void TwoProcessesShareTheWork() => Story(async broker =>
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var receiver = new Receiver(async (_, _) =>
        {
            await gate.Task;
            return new HttpResponseMessage(HttpStatusCode.OK);
        });
        await using var one = Push(broker, receiver, Orders);
        await using var other = Push(broker, receiver, Orders);
        await broker.Publish("orders", [.. Enumerable.Range(0, 200).Select(i => Message.OfText($"{i}"))]);
        // As many as both may have on their way.
        await _time.Until(Until(() => receiver.Requests.Count == 2 * Orders.MaxInFlight));
        gate.SetResult();
        await _time.Until(Until(() => one.Statistics.Delivered + other.Statistics.Delivered == 200));
        await Settled(broker);

        Assert.Equal(200, receiver.Requests.Select(request => request.Body).Distinct().Count());
        Assert.Equal(200, receiver.Requests.Count);
        Assert.True(one.Statistics.Delivered >= Orders.MaxInFlight && other.Statistics.Delivered >= Orders.MaxInFlight, $"{one.Statistics} {other.Statistics}");
    });

    private WebhookPush Push(IBroker broker, Receiver receiver, Webhook webhook) => new(broker, webhook, receiver, _said.Enqueue, _time);

    private void Story(Func<IBroker, Task> story) => StoryWithoutTopic(async broker =>
    {
        await broker.PutTopic("orders", new());
        await story(broker);
    });

    private void StoryWithoutTopic(Func<IBroker, Task> story) => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await story(broker);
    });

    private async Task Settled(IBroker broker) => await _time.Until(Until(async () => (await broker.DescribeGroup("orders", "partner")).Partitions[0].Lag == 0));

    private Task Until(Func<bool> condition) => Until(() => Task.FromResult(condition()));

    private async Task Until(Func<Task<bool>> condition, TimeSpan? every = null)
    {
        var end = _time.GetUtcNow() + TimeSpan.FromHours(2);
        while (!await condition())
        {
            Assert.True(_time.GetUtcNow() < end, $"It does not happen. {string.Join(' ', _said)}");
            await Task.Delay(every ?? TimeSpan.FromMilliseconds(100), _time);
        }
    }
}

using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using OrleansMq.Json;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>A webhook that is registered with the broker is pushed from then on, over a restart, until it is taken away; and no secret comes out again.</summary>
/// <remarks>For a host that pushes by a <see cref="WebhookGround"/>.</remarks>
public abstract class WebhookContract : BrokerContract
{
    private const string Key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Secret = "whsec_" + Key;

    [Fact]
    public Task AWebhookIsPushedFromTheMomentItIsPutAndSaysHowItFares() => Story(async broker =>
    {
        using var receiver = new WebhookReceiver();
        await broker.PutTopic("t", new());

        var put = await Put(broker, receiver.At("/one"));
        Assert.Equal((true, WebhookHealth.Idle, TimeSpan.FromSeconds(10), 16), (put.Created, put.State.Health, put.Timeout, put.MaxInFlight));
        await Publish(broker, "t", "1");
        await Comes(() => receiver.Received.Count == 1);
        await Comes(async () => (await broker.Webhooks!.DescribeWebhook("t", "g")).State is { Health: WebhookHealth.Well, Pushed: 1, Refused: 0, LastAnswer: "200", FailingSince: null });

        Assert.False((await broker.Webhooks!.PutWebhook("t", "g", new() { Url = receiver.At("/two") })).Created);
        await Publish(broker, "t", "2");
        await Comes(() => receiver.Received.Count == 2);
        Assert.Equal([("/one", "1"), ("/two", "2")], receiver.Received.Select(one => (one.Path, one.Body)));
        Assert.All(receiver.Received, one => Assert.Equal(Signature(one), one.Headers["webhook-signature"]));
    });

    [Fact]
    public Task OneThatFailsSaysSinceWhenAndByWhichAnswer() => Story(async broker =>
    {
        using var receiver = new WebhookReceiver();
        await broker.PutTopic("t", new());
        await Put(broker, receiver.At("/503"));
        await Publish(broker, "t", "1");

        await Comes(async () => (await broker.Webhooks!.DescribeWebhook("t", "g")).State is { Health: WebhookHealth.Failing, Pushed: 0, Refused: > 0, LastAnswer: "503", FailingSince: not null, LastAnswerAt: not null });
    });

    [Fact]
    public Task WhatIsNotGivenStaysAndTheDefaultIsRestored() => Story(async broker =>
    {
        using var receiver = new WebhookReceiver();
        await broker.PutTopic("t", new());
        await broker.Webhooks!.PutWebhook("t", "g", new() { Url = receiver.At("/x?a=b"), Secrets = Secrets(Secret), Timeout = TimeSpan.FromSeconds(3), MaxInFlight = 5 });

        var changed = await broker.Webhooks.PutWebhook("t", "g", new() { MaxInFlight = Change<int>.Default });
        Assert.Equal((receiver.At("/x?a=b"), TimeSpan.FromSeconds(3), 16, 1), (changed.Url, changed.Timeout, changed.MaxInFlight, changed.SecretFingerprints.Count));

        changed = await broker.Webhooks.PutWebhook("t", "g", new() { Timeout = Change<TimeSpan>.Default, Secrets = Change<IReadOnlyList<string>>.Default });
        Assert.Equal((TimeSpan.FromSeconds(10), 0), (changed.Timeout, changed.SecretFingerprints.Count));
    });

    [Fact]
    public Task OneThatIsTakenAwayIsPushedNoMoreAndItsGroupKeepsWhatComes() => Story(async broker =>
    {
        using var receiver = new WebhookReceiver();
        await broker.PutTopic("t", new());
        await Put(broker, receiver.At("/x"));

        await broker.Webhooks!.RemoveWebhook("t", "g");
        await Publish(broker, "t", "1");

        Assert.Empty(await broker.Webhooks.ListWebhooks());
        await Refused(ErrorCodes.WebhookUnknown, () => broker.Webhooks.DescribeWebhook("t", "g"));
        await Refused(ErrorCodes.WebhookUnknown, () => broker.Webhooks.TestWebhook("t", "g"));
        await Refused(ErrorCodes.WebhookUnknown, () => broker.Webhooks.RemoveWebhook("t", "g"));
        // Nobody else has leased it meanwhile.
        Assert.Equal((1, "1"), (await ReceiveOne(broker, "t", "g") is var delivery ? delivery.DeliveryCount : 0, delivery.BodyText));
        Assert.Empty(receiver.Received);
    });

    [Fact]
    public Task TheySurviveARestart() => Story(async (BrokerUnderTest host) =>
    {
        using var receiver = new WebhookReceiver();
        await host.Broker.PutTopic("t", new());
        await Put(host.Broker, receiver.At("/x"));
        await Put(host.Broker, receiver.At("/y"), "other");
        var before = await host.Broker.Webhooks!.ListWebhooks();

        await host.Restart();

        var after = await host.Broker.Webhooks!.ListWebhooks();
        Assert.Equal(before.Select(Shape), after.Select(Shape));
        await Publish(host.Broker, "t", "1");
        await Comes(() => receiver.Received.Count == 2);
        Assert.Equal(["/x", "/y"], receiver.Received.Select(one => one.Path).Order());

        static string Shape(WebhookDescription one) => $"{one.Topic}/{one.Group} {one.Url} {string.Join(',', one.SecretFingerprints)} {one.Timeout} {one.MaxInFlight}";
    });

    [Fact]
    public Task APingIsSignedIsNoMessageAndTellsTheAnswer() => Story(async broker =>
    {
        using var receiver = new WebhookReceiver();
        await broker.PutTopic("t", new());
        await Put(broker, receiver.At("/x"));
        await Put(broker, receiver.At("/500"), "other");

        var trial = await broker.Webhooks!.TestWebhook("t", "g");
        Assert.Equal((true, "200"), (trial.Taken, trial.Answer));
        var ping = Assert.Single(receiver.Received);
        Assert.Equal(("true", Signature(ping)), (ping.Headers["mq-ping"], ping.Headers["webhook-signature"]));
        Assert.Equal("g", JsonDocument.Parse(ping.Body).RootElement.GetProperty("group").GetString());

        Assert.Equal((false, "500"), await broker.Webhooks.TestWebhook("t", "other") is var refused ? (refused.Taken, refused.Answer) : default);
        Assert.All(await broker.Webhooks.ListWebhooks(), one => Assert.Equal((WebhookHealth.Idle, 0L, 0L), (one.State.Health, one.State.Pushed, one.State.Refused)));
    });

    [Fact]
    public Task WhatCanNotBeIsRefusedAndNamedAndNothingIsThere() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "log", new() { Style = GroupStyle.Log });
        var url = new Uri("https://hooks.example.com/x");
        var many = Enumerable.Repeat(Secret, WebhookChange.MaxSecrets + 1).ToArray();
        foreach (var (named, change) in new (string, WebhookChange)[]
        {
            ("url", new()),
            ("url", new() { Url = new("ftp://hooks.example.com") }),
            ("user and password", new() { Url = new("https://me:mine@hooks.example.com") }),
            ("may not be called", new() { Url = new("https://10.0.0.1/x") }),
            ("may not be called", new() { Url = new("https://[::ffff:169.254.169.254]/latest") }),
            ("may not be called", new() { Url = new("https://0xA000001/x") }),
            ("characters", new() { Url = new("https://hooks.example.com/" + new string('x', WebhookChange.MaxUrlChars)) }),
            ("secret", new() { Url = url, Secrets = Secrets("whsec_c2hvcnQtYnV0LXNlY3JldA==") }),
            ("secret", new() { Url = url, Secrets = Secrets(many) }),
            ("timeoutMs", new() { Url = url, Timeout = TimeSpan.Zero }),
            ("timeoutMs", new() { Url = url, Timeout = TimeSpan.FromMilliseconds(WebhookChange.MaxTimeoutMs + 1) }),
            ("maxInFlight", new() { Url = url, MaxInFlight = 0 }),
            ("maxInFlight", new() { Url = url, MaxInFlight = WebhookChange.MostInFlight + 1 }),
        })
        {
            var refusal = await Refused(ErrorCodes.Malformed, () => broker.Webhooks!.PutWebhook("t", "g", change));
            Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("c2hvcnQ", refusal.Message, StringComparison.Ordinal);
        }

        await Refused(ErrorCodes.TopicUnknown, () => broker.Webhooks!.PutWebhook("nowhere", "g", new() { Url = url }));
        await Refused(ErrorCodes.Conflict, () => broker.Webhooks!.PutWebhook("t", "log", new() { Url = url }));
        Assert.Empty(await broker.Webhooks!.ListWebhooks());
        Assert.Equal("log", Assert.Single((await broker.ListGroups("t")).Items).Text);
    });

    [Fact]
    public Task SecretsDoNotMoveToAnotherHost() => Story(async broker =>
    {
        using var receiver = new WebhookReceiver();
        await broker.PutTopic("t", new());
        await Put(broker, receiver.At("/x"));
        var elsewhere = new WebhookChange { Url = new("https://hooks.example.com/x") };

        Assert.Contains("secrets", (await Refused(ErrorCodes.Malformed, () => broker.Webhooks!.PutWebhook("t", "g", elsewhere))).Message, StringComparison.Ordinal);
        Assert.Equal(receiver.At("/x"), (await broker.Webhooks!.DescribeWebhook("t", "g")).Url);

        Assert.Equal(elsewhere.Url, (await broker.Webhooks.PutWebhook("t", "g", elsewhere with { Secrets = Change<IReadOnlyList<string>>.Default })).Url);
    });

    [Fact]
    public Task NoAnswerHoldsASecretButWhatItIsKnownBy() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var put = await Put(broker, new("https://hooks.example.com/x"));
        var fingerprint = Convert.ToHexStringLower(SHA256.HashData(Convert.FromBase64String(Key)))[..12];

        foreach (var one in (WebhookDescription[])[put, await broker.Webhooks!.DescribeWebhook("t", "g"), .. await broker.Webhooks.ListWebhooks()])
        {
            Assert.Equal(fingerprint, Assert.Single(one.SecretFingerprints));
            var text = new System.Buffers.ArrayBufferWriter<byte>();
            JsonForm.Write(text, writer => WebhookJson.Write(writer, one));
            Assert.DoesNotContain(Key[..12], Encoding.UTF8.GetString(text.WrittenSpan) + one, StringComparison.Ordinal);
        }
    });

    protected static Task Comes(Func<Task<bool>> condition) => Eventually.Holds(condition);

    private static Task Comes(Func<bool> condition) => Comes(() => Task.FromResult(condition()));

    private static ValueTask<WebhookDescription> Put(IBroker broker, Uri url, string group = "g") =>
        broker.Webhooks!.PutWebhook("t", group, new() { Url = url, Secrets = Secrets(Secret) });

    private static Change<IReadOnlyList<string>> Secrets(params string[] secrets) => Change<IReadOnlyList<string>>.To(secrets);

    private static string Signature(WebhookRequestSeen one) => "v1," + Convert.ToBase64String(HMACSHA256.HashData(
        Convert.FromBase64String(Key), Encoding.UTF8.GetBytes($"{one.Headers["webhook-id"]}.{one.Headers["webhook-timestamp"]}.{one.Body}")));
}

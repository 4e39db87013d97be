using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Webhooks.Tests;

/// <summary>The promises of registered webhooks, in one process.</summary>
public sealed class EmbeddedWebhookTests : WebhookContract
{
    protected override async Task<BrokerUnderTest> Start()
    {
        var (ground, storage) = (new WebhookGround(), new VolatileStorage());
        WebhookDesk? desk = null;
        return new BrokerUnderTest(await Open(), async broker =>
        {
            await desk!.DisposeAsync();
            await broker.DisposeAsync();
            return await Open();
        }, end: async () =>
        {
            await desk!.DisposeAsync();
            ground.Dispose();
        });

        async Task<IBroker> Open()
        {
            var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage });
            desk = await ground.Desk(broker);
            broker.Webhooks = desk.Directory;
            return broker;
        }
    }
}

/// <summary>Registered webhooks between nodes, beside the operator's file, and at their limits.</summary>
public sealed class RegisteredWebhookTests : IAsyncLifetime, IDisposable
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly WebhookGround _ground = new();
    private readonly WebhookReceiver _receiver = new();
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new());
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    public void Dispose()
    {
        _receiver.Dispose();
        _ground.Dispose();
    }

    [Fact]
    public async Task WhatOneNodeWasToldTheOthersPushAndLeave()
    {
        await using var one = await _ground.Desk(_broker, "one");
        await using var other = await _ground.Desk(_broker, "other");
        await one.Directory!.PutWebhook("t", "g", Hook("/x"));
        await Eventually.Holds(() => other.Statistics.ContainsKey(("t", "g")));

        Assert.Equal(["one", "other"], (string[])[(await one.Directory.DescribeWebhook("t", "g")).State.Node, (await other.Directory!.DescribeWebhook("t", "g")).State.Node]);
        await _broker.Publish("t", [.. Enumerable.Range(0, 100).Select(i => Message.OfText($"{i}"))]);
        await Eventually.Holds(() => one.Statistics[("t", "g")].Delivered + other.Statistics[("t", "g")].Delivered == 100);
        Assert.Equal(100, _receiver.Received.Select(seen => seen.Body).Distinct().Count());

        await other.Directory.RemoveWebhook("t", "g");
        await Eventually.Holds(() => one.Statistics.Count == 0);
        await _broker.Publish("t", [Message.OfText("late")]);
        Assert.Equal("late", Assert.Single(await _broker.Receive("t", "g", new ReceiveRequest { Wait = Patience })).BodyText);
        Assert.Equal(100, _receiver.Received.Count);
    }

    [Fact]
    public async Task TheRestOfTheNodesPushesOn()
    {
        await using var other = await _ground.Desk(_broker, "other");
        await using (var one = await _ground.Desk(_broker, "one"))
            await one.Directory!.PutWebhook("t", "g", Hook("/x"));

        await _broker.Publish("t", [Message.OfText("1")]);
        await Eventually.Holds(() => _receiver.Received.Count == 1);
    }

    [Fact]
    public async Task TwoWhoWriteAtOnceLoseNothing()
    {
        await using var one = await _ground.Desk(_broker, "one");
        await using var other = await _ground.Desk(_broker, "other");
        _ground.Before = async () => await other.Directory!.PutWebhook("t", "second", Hook("/second"));

        await one.Directory!.PutWebhook("t", "first", Hook("/first"));

        foreach (var node in new[] { one, other })
            Assert.Equal(["first", "second"], (await node.Directory!.ListWebhooks()).Select(webhook => webhook.Group.Text));
    }

    [Fact]
    public async Task TheOperatorsFileComesFirst()
    {
        await using var desk = await _ground.Desk(_broker);
        await desk.Directory!.PutWebhook("t", "g", Hook("/registered"));

        _ground.Say($$"""{"allowHttp":true,"networks":["127.0.0.0/8"],"webhooks":[{"topic":"t","group":"g","url":"{{_receiver.At("/file")}}"}]}""");
        await Eventually.Holds(async () => (await desk.Directory.DescribeWebhook("t", "g")).State is { Health: WebhookHealth.Off, Reason: { } reason } && reason.Contains("file", StringComparison.Ordinal));
        await _broker.Publish("t", [Message.OfText("1")]);
        await Eventually.Holds(() => _receiver.Received.Count == 1);

        Assert.Equal("/file", _receiver.Received[0].Path);
        await Refused(ErrorCodes.Conflict, "file", async () => await desk.Directory.PutWebhook("t", "g", Hook("/again")));
        await Refused(ErrorCodes.Conflict, "not pushed", async () => await desk.Directory.TestWebhook("t", "g"));
    }

    [Fact]
    public async Task WhatTheFilesOwnMayDoIsNotForRegisteredOnes()
    {
        _ground.Say($$"""{"allowHttp":true,"networks":["127.0.0.0/8"],"webhooks":[]}""");
        await using var desk = await _ground.Desk(_broker);

        await Refused(ErrorCodes.Malformed, "may not be called", async () => await desk.Directory!.PutWebhook("t", "g", Hook("/x")));
        await Refused(ErrorCodes.Malformed, "http://", async () => await desk.Directory!.PutWebhook("t", "g", new() { Url = new("http://hooks.example.com") }));
    }

    [Fact]
    public async Task RulesThatGetStricterEndWhatTheyForbid()
    {
        await using var desk = await _ground.Desk(_broker);
        await desk.Directory!.PutWebhook("t", "g", Hook("/x"));

        _ground.Say("{}");
        await Eventually.Holds(() => desk.Statistics.Count == 0);

        Assert.Contains("http://", (await desk.Directory.DescribeWebhook("t", "g")).State.Reason, StringComparison.Ordinal);
        await desk.Directory.RemoveWebhook("t", "g");
    }

    [Fact]
    public async Task ANameThatLeadsInsideIsNotCalledAndTheAnswerDoesNotSayWhereItLeads()
    {
        _ground.Say("{}");
        await using var desk = await _ground.Desk(_broker);
        await desk.Directory!.PutWebhook("t", "g", new() { Url = new($"https://localhost:{_receiver.At("/").Port}/x") });

        var trial = await desk.Directory.TestWebhook("t", "g");

        Assert.Equal((false, CallableAddresses.Refusal), (trial.Taken, trial.Answer));
        Assert.Empty(_receiver.Received);
    }

    [Fact]
    public async Task ThereIsALimitOfThemAndOfTheirBytes()
    {
        // None of these is pushed: the rules forbid it.
        _ground.Say("{}");
        await using var desk = await _ground.Desk(_broker);
        _ground.Stored = Encoding.UTF8.GetString(WebhookDocument.Write([.. Stored(WebhookBook.MaxWebhooks, urlChars: 30)]));
        await Refused(ErrorCodes.Conflict, "1000 webhooks", async () => await desk.Directory!.PutWebhook("t", "new", new() { Url = new("https://hooks.example.com") }));
        Assert.DoesNotContain((await _broker.ListGroups("t")).Items, group => group.Text == "new");
        Assert.True((await desk.Directory!.ListWebhooks()).Count == WebhookBook.MaxWebhooks);

        _ground.Stored = Encoding.UTF8.GetString(WebhookDocument.Write([.. Stored(WebhookBook.MaxBytes / 4_096, urlChars: 3_950)]));
        Assert.InRange(_ground.Stored.Length, WebhookBook.MaxBytes - 50_000, WebhookBook.MaxBytes);
        await Refused(ErrorCodes.Conflict, "bytes", async () =>
        {
            for (var i = 0; i < 20; i++)
                await desk.Directory.PutWebhook("t", $"new{i}", new() { Url = new("https://hooks.example.com/" + new string('x', 4_000)) });
        });
    }

    [Fact]
    public async Task WhatCanNotBeReadIsToldOfOnceAndStays()
    {
        _ground.Stored = """{"version":2,"webhooks":[]}""";
        await using var desk = await _ground.Desk(_broker);
        await Eventually.Holds(() => !_ground.Said.IsEmpty);

        await Refused(ErrorCodes.Conflict, "version 2", async () => await desk.Directory!.PutWebhook("t", "g", Hook("/x")));
        await Refused(ErrorCodes.Conflict, "version 2", async () => await desk.Directory!.RemoveWebhook("t", "g"));

        Assert.Contains("version 2", Assert.Single(_ground.Said), StringComparison.Ordinal);
        Assert.Contains("\"version\":2", _ground.Stored, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASecretIsInTheDocumentAndNowhereElse()
    {
        await using var desk = await _ground.Desk(_broker);
        var change = Hook("/503") with { Secrets = Change<IReadOnlyList<string>>.To([Secret]) };
        var put = await desk.Directory!.PutWebhook("t", "g", change);
        await _broker.Publish("t", [Message.OfText("1")]);
        await Eventually.Holds(() => !_ground.Said.IsEmpty);

        Assert.Contains(Secret, _ground.Stored, StringComparison.Ordinal);
        foreach (var text in (string[])[put.ToString(), change.ToString(), WebhookDocument.Read(Encoding.UTF8.GetBytes(_ground.Stored))[0].ToString(), WebhookSecret.Parse(Secret).ToString(), .. _ground.Said])
            Assert.DoesNotContain("MfKQ9r8GKYqr", text, StringComparison.Ordinal);
    }

    private static IEnumerable<Webhook> Stored(int count, int urlChars) =>
        Enumerable.Range(0, count).Select(i => new Webhook { Topic = "t", Group = $"g{i}", Url = new("http://hooks.example.com/" + new string('x', urlChars - 25)) });

    private WebhookChange Hook(string path) => new() { Url = _receiver.At(path) };

    private static async Task Refused(string code, string named, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<MqException>(call);
        Assert.Equal(code, refusal.Code);
        Assert.Contains(named, refusal.Message, StringComparison.Ordinal);
    }
}

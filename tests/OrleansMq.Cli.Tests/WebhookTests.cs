using OrleansMq.Conformance.Broker;
using OrleansMq.Webhooks;

namespace OrleansMq.Cli.Tests;

/// <summary><c>mq webhook</c>.</summary>
public sealed class WebhookTests : IAsyncLifetime, IDisposable
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private readonly WebhookGround _ground = new();
    private readonly WebhookReceiver _receiver = new();
    private EmbeddedBroker _broker = null!;
    private WebhookDesk _desk = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        _desk = await _ground.Desk(_broker);
        _broker.Webhooks = _desk.Directory;
    }

    public async Task DisposeAsync()
    {
        await _desk.DisposeAsync();
        await _broker.DisposeAsync();
    }

    public void Dispose()
    {
        _receiver.Dispose();
        _ground.Dispose();
    }

    [Fact]
    public async Task OneIsPutShownTestedAndTakenAway()
    {
        var url = _receiver.At("/x").ToString();
        var put = await Mq.RunWith(_broker, $"{Secret}\n", "webhook", "put", "t", "g", "--url", url, "--secrets-file", "-", "--timeout", "3s");
        Assert.True(put.Code == ExitCode.Done, put.Error);
        Assert.StartsWith("webhook of t/g: made, ", put.Out, StringComparison.Ordinal);
        await Mq.Ok(_broker, "webhook", "put", "t", "g", "--max-in-flight", "4");

        var shown = (await Mq.Ok(_broker, "webhook", "show", "t", "g", "--json")).Json;
        Assert.Equal((url, 3_000, 4, 1), ((string?)shown["url"], (int)shown["timeoutMs"]!, (int)shown["maxInFlight"]!, shown["secretFingerprints"]!.AsArray().Count));
        Assert.StartsWith("taken: 200, after ", (await Mq.Ok(_broker, "webhook", "test", "t", "g")).Out, StringComparison.Ordinal);
        Assert.Equal("true", Assert.Single(_receiver.Received).Headers["mq-ping"]);
        var row = Assert.Single((await Mq.Ok(_broker, "webhook", "list")).Lines);
        Assert.Equal($"t\tg\t{url}\t{shown["secretFingerprints"]![0]}\tidle\t0\t0\t-", row);
        Assert.Contains("health\tidle", (await Mq.Ok(_broker, "webhook", "show", "t", "g")).Lines);

        await Mq.Ok(_broker, "webhook", "put", "t", "g", "--secrets-file", "", "--timeout", "default");
        Assert.Contains("\tnot signed\t", (await Mq.Ok(_broker, "webhook", "list")).Out, StringComparison.Ordinal);
        await Mq.Ok(_broker, "webhook", "rm", "t", "g");
        Assert.Empty((await Mq.Ok(_broker, "webhook", "list")).Lines);
    }

    [Fact]
    public async Task WhatIsNotTakenOrNotThereIsARefusal()
    {
        await Mq.Ok(_broker, "webhook", "put", "t", "g", "--url", _receiver.At("/500").ToString());

        var test = await Mq.Run(_broker, "webhook", "test", "t", "g");
        Assert.Equal((ExitCode.Refused, "not taken: 500"), (test.Code, test.Out[..14]));
        var missing = await Mq.Run(_broker, "webhook", "show", "t", "other");
        Assert.Equal(ExitCode.Refused, missing.Code);
        Assert.Contains("webhook-unknown", missing.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "webhook", "put", "t", "g", "--url", "nowhere")]
    [InlineData("\n", "webhook", "put", "t", "g", "--url", "https://hooks.example.com", "--secrets-file", "-")]
    [InlineData("", "webhook", "put", "t", "g", "--url", "https://hooks.example.com", "--secrets-file", "/no/such/file")]
    public async Task WhatCanNotBeIsWrongUsage(string stdin, params string[] arguments) => Assert.Equal(ExitCode.Usage, (await Mq.RunWith(_broker, stdin, arguments)).Code);

    [Fact]
    public async Task NoSecretIsPrinted()
    {
        var wrong = await Mq.RunWith(_broker, "whsec_c2hvcnQtYnV0LXNlY3JldA==\n", "webhook", "put", "t", "g", "--url", _receiver.At("/x").ToString(), "--secrets-file", "-");
        var right = await Mq.RunWith(_broker, $"{Secret}\n", "webhook", "put", "t", "g", "--url", _receiver.At("/x").ToString(), "--secrets-file", "-", "--json");

        Assert.Equal((ExitCode.Refused, ExitCode.Done), (wrong.Code, right.Code));
        Assert.DoesNotContain("c2hvcnQ", wrong.Out + wrong.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("MfKQ9r8GKYqr", right.Out + right.Error + (await Mq.Ok(_broker, "webhook", "list", "--json")).Out, StringComparison.Ordinal);
    }
}

using System.Collections.Concurrent;
using System.Net;
using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Servers;

namespace OrleansMq.Webhooks.Tests;

public sealed class WebhookFileTests
{
    private static WebhookFile Parse(string json) => WebhookFile.Parse(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void EveryFieldIsTaken()
    {
        var file = Parse("""
            {
              // for the partner
              "allowHttp": true,
              "networks": ["10.1.0.0/16", "::1/128"],
              "webhooks": [
                {"topic": "orders", "group": "partner", "url": "http://10.1.2.3/x", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "timeoutMs": 2500, "maxInFlight": 4},
                {"topic": "orders", "group": "other", "url": "https://hooks.example.com"},
              ]
            }
            """);

        Assert.True(file.Rules.AllowHttp);
        Assert.Equal(2, file.Rules.Networks.Count);
        var webhook = file.Webhooks[0];
        Assert.Equal(("orders", "partner", "http://10.1.2.3/x", TimeSpan.FromSeconds(2.5), 4, 1), (webhook.Topic.Text, webhook.Group.Text, webhook.Url.ToString(), webhook.Timeout, webhook.MaxInFlight, webhook.Secrets.Count));
        Assert.Equal((TimeSpan.FromSeconds(10), 16, 0), (file.Webhooks[1].Timeout, file.Webhooks[1].MaxInFlight, file.Webhooks[1].Secrets.Count));
        Assert.Empty(Parse("{}").Webhooks);
    }

    [Theory]
    [InlineData("", "no JSON")]
    [InlineData("[]", "$ should be an object")]
    [InlineData("""{"hooks":[]}""", "$.hooks is no field")]
    [InlineData("""{"allowHttp":true,"allowHttp":false}""", "$.allowHttp stands here twice")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","secret":"x"}]}""", "$.webhooks[0].secret is no field")]
    [InlineData("""{"allowHttp":"yes"}""", "$.allowHttp should be true or false")]
    [InlineData("""{"networks":["10.1.2.3/16x"]}""", "$.networks[0]: it is no network")]
    [InlineData("""{"webhooks":{}}""", "$.webhooks should be an array")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g"}]}""", "$.webhooks[0] lacks the field 'url'")]
    [InlineData("""{"webhooks":[{"topic":"t/","group":"g","url":"https://x.example"}]}""", "$.webhooks[0].topic: 't/'")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"nowhere"}]}""", "$.webhooks[0].url: it is no address")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"ftp://x.example"}]}""", "no https://")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://me:secret@x.example"}]}""", "without user")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"http://x.example"}]}""", "allowHttp")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","secrets":["x"]}]}""", "$.webhooks[0].secrets[0]: a secret is")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","timeoutMs":60001}]}""", "$.webhooks[0].timeoutMs is not a whole number from 1 to 60000")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","timeoutMs":1.5}]}""", "$.webhooks[0].timeoutMs")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","maxInFlight":1001}]}""", "$.webhooks[0].maxInFlight")]
    [InlineData("""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example"},{"topic":"t","group":"g","url":"https://y.example"}]}""", "twice")]
    public void WhatCanNotBeIsNamed(string json, string named) =>
        Assert.Contains(named, Assert.Throws<FormatException>(() => Parse(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void WhatIsNoTextInAnyLanguageIsSaidToo()
    {
        Assert.Throws<FormatException>(() => Parse("""{"webhooks":[{"topic":"\ud800","group":"g","url":"https://x.example"}]}"""));
        Assert.Contains("UTF-8", Assert.Throws<FormatException>(() => WebhookFile.Parse((byte[])[.. "{\"webhooks\":[{\"topic\":\""u8, 0xE4, .. "\",\"group\":\"g\",\"url\":\"https://x.example\"}]}"u8])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ThereIsALimitOfWebhooksOfSecretsAndOfBytes()
    {
        var many = string.Join(",", Enumerable.Range(0, WebhookFile.MaxWebhooks + 1).Select(i => $$"""{"topic":"t","group":"g{{i}}","url":"https://x.example"}"""));
        Assert.Contains("$.webhooks has 1001 items, and 1000 are the limit", Assert.Throws<FormatException>(() => Parse($$"""{"webhooks":[{{many}}]}""")).Message, StringComparison.Ordinal);
        var secrets = string.Join(",", Enumerable.Repeat("\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"", Webhook.MaxSecrets + 1));
        Assert.Contains("$.webhooks[0].secrets has 6 items, and 5 are the limit", Assert.Throws<FormatException>(() => Parse($$"""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example","secrets":[{{secrets}}]}]}""")).Message, StringComparison.Ordinal);
        var networks = string.Join(",", Enumerable.Repeat("\"10.0.0.0/8\"", WebhookFile.MaxNetworks + 1));
        Assert.Contains("$.networks has 1001 items", Assert.Throws<FormatException>(() => Parse($$"""{"networks":[{{networks}}]}""")).Message, StringComparison.Ordinal);
        Assert.Contains("$.webhooks[0].url has", Assert.Throws<FormatException>(() => Parse(
            $$"""{"webhooks":[{"topic":"t","group":"g","url":"https://x.example/{{new string('x', WebhookFile.MaxUrlChars)}}"}]}""")).Message, StringComparison.Ordinal);
        Assert.Contains("is the limit", Assert.Throws<FormatException>(() => WebhookFile.Parse(new byte[WebhookFile.MaxBytes + 1])).Message, StringComparison.Ordinal);
    }
}

/// <summary>The file's webhooks at work, over real sockets.</summary>
public sealed class WebhookDeskTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("webhooks-").FullName, "webhooks.json");
    private readonly ConcurrentQueue<string> _said = new();
    private readonly ConcurrentQueue<(string Path, string Body)> _received = new();
    private HttpListener _listener = null!;
    private EmbeddedBroker _broker = null!;
    private string _at = "";

    public async Task InitializeAsync()
    {
        (_listener, _at) = Listen();
        _ = Serve();
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new());
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    public void Dispose()
    {
        _listener.Close();
        Directory.Delete(Path.GetDirectoryName(_path)!, recursive: true);
    }

    [Fact]
    public async Task ChangesOfTheFileAreTakenUpAndBadOnesAreNot()
    {
        var time = new ManualTime();
        await Write("/one");
        await using var desk = await WebhookDesk.Start(_broker, _path, _said.Enqueue, time);
        await _broker.Publish("t", [Message.OfText("1")]);
        await Received(1);

        await File.WriteAllTextAsync(_path, "{");
        await LookUntil(time, "stay as they were");
        await _broker.Publish("t", [Message.OfText("2")]);
        await Received(2);
        await Write("/two");
        await LookUntil(time, "were read again");
        await _broker.Publish("t", [Message.OfText("3")]);
        await Received(3);

        Assert.Equal([("/one", "1"), ("/one", "2"), ("/two", "3")], _received);
        await Until(() => desk.Statistics[("t", "g")].Delivered == 1);
    }

    [Fact]
    public async Task AFileThatIsGoneIsToldOfOnce()
    {
        // Without a webhook the desk's is the only timer.
        var time = new ManualTime();
        await File.WriteAllTextAsync(_path, "{}");
        await using var desk = await WebhookDesk.Start(_broker, _path, _said.Enqueue, time);
        File.Delete(_path);
        await Look(time, times: 3);
        Assert.Single(_said);

        await File.WriteAllTextAsync(_path, "{}");
        await Look(time, times: 1);
        File.Delete(_path);
        await Look(time, times: 2);

        Assert.Equal(2, _said.Count(line => line.Contains("stay as they were", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task WithoutARuleNobodyHereIsCalled()
    {
        await using var push = new WebhookPush(_broker, Hook("/x"), new() { AllowHttp = true }, _said.Enqueue);
        await _broker.Publish("t", [Message.OfText("1")]);
        await Until(() => push.Statistics.Failed > 0);

        Assert.Empty(_received);
        Assert.Contains(_said, line => line.Contains("may not be called", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ARedirectIsNotFollowed()
    {
        await using var push = new WebhookPush(_broker, Hook("/redirect"), Here, _said.Enqueue);
        await _broker.Publish("t", [Message.OfText("1")]);
        await Until(() => push.Statistics.Failed > 0);

        // It may have come again by now.
        Assert.NotEmpty(_received);
        Assert.All(_received, received => Assert.Equal("/redirect", received.Path));
        Assert.Contains(_said, line => line.Contains("it answered 302", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnAnswerWithoutAnEndHoldsNothingUp()
    {
        await using var push = new WebhookPush(_broker, Hook("/endless"), Here, _said.Enqueue);
        await _broker.Publish("t", [Message.OfText("1")]);

        await Until(() => push.Statistics.Delivered == 1);
    }

    private static WebhookRules Here => new() { AllowHttp = true, Networks = [IPNetwork.Parse("127.0.0.0/8")] };

    private Webhook Hook(string path) => new() { Topic = "t", Group = "g", Url = new(_at + path) };

    private Task Write(string path) =>
        File.WriteAllTextAsync(_path, $$"""{"allowHttp":true,"networks":["127.0.0.0/8"],"webhooks":[{"topic":"t","group":"g","url":"{{_at}}{{path}}"}]}""");

    private async Task LookUntil(ManualTime time, string said)
    {
        await Until(() =>
        {
            time.Advance(WebhookDesk.LookEvery);
            return _said.Any(line => line.Contains(said, StringComparison.Ordinal));
        });
    }

    private static async Task Look(ManualTime time, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await Until(() => time.ArmedTimers == 1);
            time.Advance(WebhookDesk.LookEvery);
        }

        await Until(() => time.ArmedTimers == 1);
    }

    private Task Received(int count) => Until(() => _received.Count >= count);

    private static async Task Until(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!condition())
            await Task.Delay(10, limit.Token);
    }

    private static (HttpListener Listener, string At) Listen()
    {
        // HttpListener takes no port 0; another may take the one that was free.
        while (true)
        {
            var port = FreePort.Take();
            var listener = new HttpListener();
            listener.Prefixes.Add($"http://127.0.0.1:{port}/");
            try
            {
                listener.Start();
                return (listener, $"http://127.0.0.1:{port}");
            }
            catch (HttpListenerException)
            {
                listener.Close();
            }
        }
    }

    private async Task Serve()
    {
        try
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                using var reader = new StreamReader(context.Request.InputStream);
                _received.Enqueue((context.Request.Url!.AbsolutePath, await reader.ReadToEndAsync()));
                Answer(context.Response, context.Request.Url.AbsolutePath);
            }
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
        {
            // The story is over.
        }
    }

    private void Answer(HttpListenerResponse response, string path)
    {
        if (path == "/redirect")
            response.Redirect(_at + "/elsewhere");
        if (path != "/endless")
        {
            response.Close();
            return;
        }

        response.SendChunked = true;
        response.OutputStream.Write("endless"u8);
        response.OutputStream.Flush();
    }
}

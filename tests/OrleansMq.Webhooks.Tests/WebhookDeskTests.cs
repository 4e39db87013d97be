using System.Collections.Concurrent;
using System.Net;
using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Webhooks.Tests;

/// <summary>The file's webhooks at work, over real sockets.</summary>
public sealed class WebhookDeskTests : IAsyncLifetime, IDisposable
{
    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("webhooks-").FullName, "webhooks.json");
    private readonly ConcurrentQueue<string> _said = new();
    private readonly WebhookReceiver _receiver = new();
    private EmbeddedBroker _broker = null!;

    private IEnumerable<(string Path, string Body)> Seen => _receiver.Received.Select(one => (one.Path, one.Body));

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new());
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    public void Dispose()
    {
        _receiver.Dispose();
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

        Assert.Equal([("/one", "1"), ("/one", "2"), ("/two", "3")], Seen);
        await Eventually.Holds(() => desk.Statistics[("t", "g")].Delivered == 1);
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
        await Eventually.Holds(() => push.Statistics.Failed > 0);

        Assert.Empty(Seen);
        Assert.Contains(_said, line => line.Contains("may not be called", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ARedirectIsNotFollowed()
    {
        await using var push = new WebhookPush(_broker, Hook("/redirect"), Here, _said.Enqueue);
        await _broker.Publish("t", [Message.OfText("1")]);
        await Eventually.Holds(() => push.Statistics.Failed > 0);

        // It may have come again by now.
        Assert.NotEmpty(Seen);
        Assert.All(Seen, received => Assert.Equal("/redirect", received.Path));
        Assert.Contains(_said, line => line.Contains("it answered 302", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AnAnswerWithoutAnEndHoldsNothingUp()
    {
        await using var push = new WebhookPush(_broker, Hook("/endless"), Here, _said.Enqueue);
        await _broker.Publish("t", [Message.OfText("1")]);

        await Eventually.Holds(() => push.Statistics.Delivered == 1);
    }

    private static WebhookRules Here => new() { AllowHttp = true, Networks = [IPNetwork.Parse("127.0.0.0/8")] };

    private Webhook Hook(string path) => new() { Topic = "t", Group = "g", Url = _receiver.At(path) };

    private Task Write(string path) =>
        File.WriteAllTextAsync(_path, $$"""{"allowHttp":true,"networks":["127.0.0.0/8"],"webhooks":[{"topic":"t","group":"g","url":"{{_receiver.At(path)}}"}]}""");

    private async Task LookUntil(ManualTime time, string said)
    {
        await Eventually.Holds(() =>
        {
            time.Advance(WebhookDesk.LookEvery);
            return _said.Any(line => line.Contains(said, StringComparison.Ordinal));
        });
    }

    private static async Task Look(ManualTime time, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await Eventually.Holds(() => time.ArmedTimers == 1);
            time.Advance(WebhookDesk.LookEvery);
        }

        await Eventually.Holds(() => time.ArmedTimers == 1);
    }

    private Task Received(int count) => Eventually.Holds(() => _receiver.Received.Count >= count);
}

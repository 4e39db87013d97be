using System.Text;
using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

/// <summary><c>mq request</c>.</summary>
public sealed class RequestTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("prices", new TopicChange());
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task TheReplyIsPrinted()
    {
        await using var responder = _broker.Respond("prices", "g", (request, _) =>
            Task.FromResult(Message.OfText($"{request.KeyText} {request.BodyText} {request.ContentType} {string.Join(',', request.Headers.Select(header => header.Value))}")));

        Assert.Equal("apple now? text/x a\n", (await Mq.Ok(_broker, "request", "prices", "now?", "--key", "apple", "--header", "from=a", "--content-type", "text/x")).Out);
        var reply = (await Mq.RunWith(_broker, "from stdin", "request", "prices", "-", "--reply-topic", "answers", "--json")).Json;
        Assert.Contains(" from stdin ", Encoding.UTF8.GetString(Convert.FromBase64String((string)reply["bodyBase64"]!)), StringComparison.Ordinal);
        Assert.Single((await _broker.DescribeTopic("answers")).Partitions, partition => partition.End > 0);
    }

    [Fact]
    public async Task WithoutAReplyInTimeItEndsWithItsCode()
    {
        var run = await Mq.Run(_broker, "request", "prices", "now?", "--timeout", "50ms");

        Assert.Equal(ExitCode.Refused, run.Code);
        Assert.StartsWith("mq: reply-timeout: No reply came within 00:00:00.0500000: the request", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void TheRequestIsSentAgainAsLongAsTheReplyIsWaitedFor() => StoryThread.Run(async () =>
    {
        var time = new ManualTime();
        await using var broker = await EmbeddedBroker.InMemory(time);
        await broker.PutTopic("prices", new TopicChange());
        await using var responder = broker.Respond("prices", "g", (_, _) => Task.FromResult(Message.OfText("3")), time: time);
        var back = time.GetUtcNow() + TimeSpan.FromMinutes(1);
        var away = BrokerProxy.Over(broker, (call, _) =>
        {
            if (call == nameof(IBroker.Append) && time.GetUtcNow() < back)
                throw new MqException(ErrorCodes.PartitionUnavailable, "Not now.");
        });
        var (output, error) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });

        var code = await time.Until(MqProgram.Run(["request", "prices", "now?", "--timeout", "5m"], new MqConsole(TextReader.Null, output, error) { Time = time }, _ => away));

        Assert.Equal((ExitCode.Done, "3\n", ""), (code, output.ToString(), error.ToString()));
    });

    [Fact]
    public async Task ARefusalHasItsCode()
    {
        await using var responder = _broker.Respond("prices", "g", (_, _) => throw new ReplyErrorException("sold-out", "None left."));

        var run = await Mq.Run(_broker, "request", "prices", "now?");

        Assert.Equal((ExitCode.Refused, "mq: sold-out: None left.\n"), (run.Code, run.Error));
    }

    [Theory]
    [InlineData(ExitCode.Refused, "topic-unknown", "request", "nowhere", "now?")]
    [InlineData(ExitCode.Usage, "--timeout", "request", "prices", "now?", "--timeout", "2d")]
    [InlineData(ExitCode.Usage, "--header", "request", "prices", "now?", "--header", "x")]
    public async Task WhatCanNotBeAskedIsToldAtOnce(int code, string said, params string[] arguments)
    {
        var run = await Mq.Run(_broker, arguments);

        Assert.Equal(code, run.Code);
        Assert.Contains(said, run.Error, StringComparison.Ordinal);
        Assert.Empty((await _broker.ListTopics("replies")).Items);
    }
}

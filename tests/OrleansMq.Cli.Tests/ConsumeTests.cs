using System.Collections.Concurrent;
using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

public sealed class ConsumeTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        await _broker.Publish("t", [.. Enumerable.Range(1, 5).Select(i => Message.OfText($"m{i}", "k"))]);
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Theory]
    [InlineData("queue")]
    [InlineData("log")]
    public async Task WhatIsPrintedIsAcknowledgedAndDoesNotComeAgain(string style)
    {
        var first = await Consume("--style", style, "--max", "2");
        var second = await Consume("--style", style);
        var third = await Consume();

        Assert.Equal(["m1", "m2"], first.Lines);
        Assert.Equal(["m3", "m4", "m5"], second.Lines);
        Assert.Empty(third.Out);
        Assert.Equal(0, await Lag());
    }

    [Theory]
    [InlineData("queue")]
    [InlineData("log")]
    public async Task AllTopicsOfAPatternAreFollowedAndAcknowledged(string style)
    {
        foreach (var topic in new TopicName[] { "o.eu", "o.us" })
        {
            await _broker.PutTopic(topic, new TopicChange());
            await _broker.Publish(topic, [Message.OfText("m1", "k"), Message.OfText("m2", "k")]);
        }

        var run = await Mq.Ok(_broker, "consume", "o.*", "--group", "g", "--style", style, "--follow", "--max", "4", "--key-separator", "=");

        Assert.Equal(["o.eu\tk=m1", "o.eu\tk=m2", "o.us\tk=m1", "o.us\tk=m2"], run.Lines.Order());
        Assert.Equal(0, (await _broker.DescribeGroup("o.eu", "g")).Partitions[0].Lag + (await _broker.DescribeGroup("o.us", "g")).Partitions[0].Lag);
        await _broker.Publish("o.us", [Message.OfText("m3")]);
        var json = (await Mq.Ok(_broker, "consume", "*.us", "--group", "g", "--style", style, "--follow", "--max", "1", "--json")).Json;
        Assert.Equal(("o.us", 2), ((string)json["topic"]!, (int)json["message"]!["position"]!["offset"]!));
        Assert.Equal(5, (await _broker.ReadAll("t")).Count);
    }

    [Fact]
    public async Task WhatAPatternsConsumerDoesNotPrintIsAnothersAtOnce()
    {
        foreach (var topic in new TopicName[] { "o.eu", "o.us" })
        {
            await _broker.PutTopic(topic, new TopicChange());
            await _broker.Publish(topic, [Message.OfText("m")]);
        }

        // The first is not printed before the other is at hand, too.
        var output = new Watched(_ => SpinWait.SpinUntil(() => AtHand("o.eu") && AtHand("o.us"), TimeSpan.FromSeconds(30)));
        var refusals = new ConcurrentQueue<Settlement>();
        var watched = BrokerProxy.Over(_broker, (call, arguments) =>
        {
            if (call == nameof(IBroker.Settle) && arguments[2] is Settlement { Kind: SettlementKind.Refuse } refusal)
                refusals.Enqueue(refusal);
        });

        var code = await MqProgram.Run(
            ["consume", "o.*", "--group", "g", "--style", "queue", "--follow", "--max", "1"], new MqConsole(TextReader.Null, output, TextWriter.Null), _ => watched);

        Assert.Equal(ExitCode.Done, code);
        Assert.Equal(TimeSpan.Zero, refusals.First().Delay);
        Assert.Equal(1, await LagOf("o.eu") + await LagOf("o.us"));

        // The group is made by its first receive.
        bool AtHand(TopicName topic) => _broker.ListGroups(topic).AsTask().GetAwaiter().GetResult().Items.Count == 1
            && _broker.DescribeGroup(topic, "g").AsTask().GetAwaiter().GetResult().Partitions[0].InFlight == 1;

        async Task<long> LagOf(TopicName topic) => (await _broker.DescribeGroup(topic, "g")).Partitions[0].Lag;
    }

    [Fact]
    public async Task APatternsConsumerSaysWhatIsTriedAgainOnceForEachKind()
    {
        await _broker.PutTopic("o.eu", new TopicChange());
        await _broker.Publish("o.eu", [Message.OfText("m")]);
        var failures = 0;
        var shaky = BrokerProxy.Over(_broker, (call, _) =>
        {
            if (call == nameof(IBroker.Receive) && failures++ is var n and < 4)
                throw n < 3 ? new MqException(ErrorCodes.PartitionUnavailable, $"Not now ({n}).", TimeSpan.FromMilliseconds(1)) : new IOException("Broken.");
        });

        var run = await Mq.Run(shaky, "consume", "o.*", "--group", "g", "--follow", "--max", "1");

        Assert.Equal((ExitCode.Done, "mq: Not now (0). Trying again.\nmq: Broken. Trying again.\n"), (run.Code, run.Error));
    }

    [Theory]
    [InlineData("o.*")]
    [InlineData("o.*", "--follow", "--ack", "never")]
    [InlineData("o/*", "--follow")]
    [InlineData("o.*", "--follow", "--deferred", "0:0")]
    [InlineData("t", "--style", "log", "--ack", "defer")]
    [InlineData("t", "--style", "log", "--deferred", "0:0")]
    public async Task WhatCanNotBeConsumedSoIsWrongUsage(params string[] arguments) =>
        Assert.Equal(ExitCode.Usage, (await Mq.Run(_broker, ["consume", .. arguments, "--group", "g"])).Code);

    [Fact]
    public async Task NeverAcknowledgedComesAgain()
    {
        Assert.Equal(5, (await Consume("--ack", "never", "--max", "5")).Lines.Length);

        Assert.Equal(5, await Lag());
    }

    [Fact]
    public async Task WhatIsSetAsideIsHadByItsPosition()
    {
        var aside = await Consume("--ack", "defer", "--max", "2");
        var rest = await Consume();
        var fetched = await Mq.Run(_broker, "consume", "t", "--group", "g", "--deferred", "0:0,0:1,0:2");

        Assert.Equal((2, 2, aside.Lines[0], aside.Lines[1]), (aside.Lines.Length, fetched.Lines.Length, fetched.Lines[0], fetched.Lines[1]));
        Assert.DoesNotContain(aside.Lines[0], rest.Lines);
        Assert.Equal((ExitCode.Done, "mq: 0:2 was not given: it is not set aside, or the group is paused or at its limits.\n", 0L), (fetched.Code, fetched.Error, await Lag()));
    }

    [Theory]
    [InlineData("queue")]
    [InlineData("log")]
    public async Task AReaderThatGoesLeavesTheRestToOthersAtOnce(string style)
    {
        var head = new GoneAfter(lines: 2);

        var code = await MqProgram.Run(["consume", "t", "--group", "g", "--style", style, "--follow"], new MqConsole(TextReader.Null, head, TextWriter.Null), _ => BrokerProxy.Over(_broker));

        Assert.Equal(ExitCode.Done, code);
        Assert.Equal(3, await Lag());
        Assert.Equal(["m3", "m4", "m5"], (await Consume()).Lines);
    }

    [Theory]
    [InlineData("queue")]
    [InlineData("log")]
    public async Task CtrlCEndsFollowingAndWhatWasPrintedIsAcknowledged(string style)
    {
        using var ctrlC = new CancellationTokenSource();
        var output = new Watched(text => { if (text == "m5") ctrlC.Cancel(); });

        var code = await MqProgram.Run(["consume", "t", "--group", "g", "--style", style, "--follow"], new MqConsole(TextReader.Null, output, TextWriter.Null), _ => BrokerProxy.Over(_broker), ctrlC.Token);

        Assert.Equal(ExitCode.Interrupted, code);
        Assert.Equal(0, await Lag());
    }

    [Fact]
    public async Task FollowingOutlastsAnUnavailableBroker()
    {
        var failures = 0;
        var shaky = BrokerProxy.Over(_broker, (call, _) =>
        {
            if (call == nameof(IBroker.Receive) && failures++ < 2)
                throw new MqException(ErrorCodes.PartitionUnavailable, "Not now.", TimeSpan.FromMilliseconds(1));
        });

        var run = await Mq.Run(shaky, "consume", "t", "--group", "g", "--follow", "--max", "5");

        Assert.Equal((ExitCode.Done, 5), (run.Code, run.Lines.Length));
        Assert.Equal("mq: Not now. Trying again.\n", run.Error);
    }

    [Fact]
    public async Task AnotherStyleThanTheGroupsIsRefused()
    {
        await Consume("--max", "1");

        var run = await Mq.Run(_broker, "consume", "t", "--group", "g", "--style", "log");

        Assert.Equal(ExitCode.Refused, run.Code);
        Assert.StartsWith("mq: conflict: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ForProgramsEveryFieldIsThere()
    {
        var message = (await Consume("--json", "--max", "1")).Json;

        Assert.Equal(("k", 0, 1), ((string)message["key"]!, (int)message["position"]!["offset"]!, (int)message["deliveryCount"]!));
        Assert.NotNull(message["lease"]);
    }

    private Task<Mq> Consume(params string[] more) => Mq.Ok(_broker, ["consume", "t", "--group", "g", "--wait", "50ms", .. more]);

    private async Task<long> Lag() => (await _broker.DescribeGroup("t", "g")).Partitions.Sum(p => p.Lag);

    private sealed class GoneAfter(int lines) : StringWriter
    {
        private int _left = lines;

        public override void WriteLine(string? value)
        {
            if (_left-- == 0)
                throw new IOException("Broken pipe");
        }
    }

    private sealed class Watched(Action<string?> seen) : StringWriter
    {
        public override void WriteLine(string? value) => seen(value);
    }
}

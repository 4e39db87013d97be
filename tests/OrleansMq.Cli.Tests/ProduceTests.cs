using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

public sealed class ProduceTests
{
    [Fact]
    public async Task LinesAreStoredInOrder()
    {
        await using var broker = await With("t");
        var lines = Enumerable.Range(0, 2_000).Select(i => $"line {i}").ToList();

        var run = await Mq.RunWith(broker, string.Join('\n', lines), "produce", "t");

        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Equal("2,000 stored, of them 0 before\n", run.Error);
        Assert.Equal(lines, (await broker.ReadAll("t")).Select(m => m.BodyText));
    }

    [Fact]
    public async Task OrderHoldsOverFailuresAndNothingIsStoredTwice()
    {
        await using var broker = await With("t");
        var failures = 0;
        var shaky = BrokerProxy.Over(broker, (call, _) =>
        {
            if (call == nameof(IBroker.Append) && failures++ < 5)
                throw new MqException(ErrorCodes.PartitionUnavailable, "Not now.");
        });
        var lines = Enumerable.Range(0, 500).Select(i => $"line {i}").ToList();

        var run = await Mq.RunWith(shaky, string.Join('\n', lines), "produce", "t");

        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Equal(lines, (await broker.ReadAll("t")).Select(m => m.BodyText));
    }

    [Fact]
    public async Task RetryForIsALimit()
    {
        await using var broker = await With("t");
        var gone = BrokerProxy.Over(broker, (call, _) =>
        {
            if (call == nameof(IBroker.Append))
                throw new MqException(ErrorCodes.PartitionUnavailable, "Not now.");
        });

        var run = await Mq.RunWith(gone, "a line", "produce", "t", "--retry-for", "50ms");

        Assert.Equal(ExitCode.Refused, run.Code);
        Assert.Contains("mq: partition-unavailable: line 1: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task KeysHeadersTypeAndPartitionComeFromTheCommandLine()
    {
        await using var broker = await With("t", partitions: 4);

        await Mq.RunWith(broker, "DTW\tlate\nLAS\t", "produce", "t", "--key-separator", @"\t", "--header", "from=test", "--header", "x=a=b", "--content-type", "text/plain", "--partition", "2");

        var stored = await broker.ReadAll("t");
        Assert.Equal([("DTW", "late", 2), ("LAS", "", 2)], stored.Select(m => (m.KeyText, m.BodyText, m.Position.Partition)));
        Assert.All(stored, m => Assert.Equal([KeyValuePair.Create("from", "test"), KeyValuePair.Create("x", "a=b")], m.Headers));
        Assert.All(stored, m => Assert.Equal("text/plain", m.ContentType));
    }

    [Fact]
    public async Task TheSameInputWithTheSameTokensIsStoredOnce()
    {
        await using var broker = await With("t", partitions: 4);
        string[] command = ["produce", "t", "--token", "import-{n}"];

        await Mq.RunWith(broker, "a\nb\nc", command);
        var again = await Mq.RunWith(broker, "a\nb\nc", command);

        Assert.Equal("3 stored, of them 3 before\n", again.Error);
        Assert.Equal(3, (await broker.ReadAll("t")).Count);
    }

    [Fact]
    public async Task ForProgramsEachLineIsAnsweredByItsPosition()
    {
        await using var broker = await With("t");

        var run = await Mq.RunWith(broker, "a\nb", "produce", "t", "--json");

        Assert.Equal("""{"position":{"partition":0,"offset":1},"duplicate":false}""", run.Lines[1]);
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task WhatBrowsePrintsCanBeSentAgain()
    {
        await using var broker = await With("old");
        await broker.PutTopic("new", new TopicChange());
        await broker.Publish("old", [Message.OfJson("""{"a": "\u00e9"}""", "k") with { Token = "t" }, new Message { Body = new byte[] { 0, 255 } }]);

        var lines = await Mq.Ok(broker, "browse", "old", "--json");
        var run = await Mq.RunWith(broker, lines.Out, "produce", "new", "--json-lines");

        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Equal(Essence(await broker.ReadAll("old")), Essence(await broker.ReadAll("new")));

        static IEnumerable<(string?, string, string?, DateTimeOffset)> Essence(IEnumerable<StoredMessage> messages) =>
            messages.Select(m => (m.KeyText, Convert.ToHexString(m.Body.Span), m.Token, m.Timestamp));
    }

    [Fact]
    public async Task ALineThatCantBeReadIsNamedAndThoseBeforeItAreStored()
    {
        await using var broker = await With("t");

        var run = await Mq.RunWith(broker, "{\"body\":1}\n{\"body\":\n{\"body\":3}", "produce", "t", "--json-lines");

        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains("mq: line 2: ", run.Error, StringComparison.Ordinal);
        Assert.Equal(["1"], (await broker.ReadAll("t")).Select(m => m.BodyText));
    }

    [Fact]
    public async Task ARefusedLineIsNamed()
    {
        await using var broker = await With("t");
        await broker.PutTopic("t", new TopicChange { MaxMessageBytes = 1024 });

        var run = await Mq.RunWith(broker, $"small\n{new string('x', 5_000)}", "produce", "t");

        Assert.Equal(ExitCode.Refused, run.Code);
        Assert.Contains("mq: message-too-large: line 2: ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnUnknownTopicIsSaidBeforeAnythingIsRead()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        using var input = new StringReader("untouched");

        var code = await MqProgram.Run(["produce", "nowhere"], input, TextWriter.Null, TextWriter.Null, _ => BrokerProxy.Over(broker));

        Assert.Equal(ExitCode.Refused, code);
        Assert.Equal("untouched", input.ReadToEnd());
    }

    private static async Task<IBroker> With(string topic, int partitions = 1)
    {
        var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic(topic, new TopicChange { Partitions = partitions });
        return broker;
    }
}

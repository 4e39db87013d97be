using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

/// <summary>Three messages, all of them dead letters of one group.</summary>
public sealed class DeadLetterTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        await _broker.Publish("t", [.. Enumerable.Range(1, 3).Select(i => Message.OfText($"m{i}", $"k{i}") with { CorrelationId = $"c{i}" })]);
        var leased = await _broker.Receive("t", "g", new ReceiveRequest { Max = 3 });
        await _broker.Settle("t", "g", Settlement.DeadLetter([.. leased.Select(m => m.Lease)], "poison"));
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task TheyAreListedAndShownWithReasonAndOrigin()
    {
        var rows = (await Mq.Ok(_broker, "dlq", "list", "t", "--group", "g")).Lines;
        var shown = (await Mq.Ok(_broker, "dlq", "show", "t", "0:1", "--group", "g", "--json")).Json;

        Assert.Equal(3, rows.Length);
        Assert.Equal(["0:0", "poison", "1", "0:0", "k1", "m1"], rows[0].Split('\t').Where((_, column) => column != 1));
        Assert.Equal(("k2", "poison"), ((string)shown["key"]!, (string)shown["deadLetter"]!["reason"]!));
        Assert.Equal(1, (int)shown["deadLetter"]!["origin"]!["offset"]!);
    }

    [Fact]
    public async Task RedriveGivesThemToTheGroupAgain()
    {
        Assert.Equal("1 redriven\n", (await Mq.Ok(_broker, "dlq", "redrive", "t", "--group", "g", "--positions", "0:1")).Out);
        Assert.Equal(["m2"], await Consumed());

        Assert.Equal("""{"redriven":2}""", (await Mq.Ok(_broker, "dlq", "redrive", "t", "--group", "g", "--all", "--json")).Lines.Single());
        Assert.Equal(["m1", "m3"], await Consumed());
    }

    [Fact]
    public async Task ABodyMayBeReplacedAndAllElseStays()
    {
        await Mq.RunWith(_broker, "better", "dlq", "redrive", "t", "--group", "g", "--positions", "0:2", "--replace", "@-");

        var message = (await Mq.Ok(_broker, "consume", "t", "--group", "g", "--json", "--max", "1")).Json;
        Assert.Equal(("k3", "c3", "text/plain"), ((string)message["key"]!, (string)message["correlationId"]!, (string)message["contentType"]!));
        Assert.Equal("better", System.Text.Encoding.UTF8.GetString(Convert.FromBase64String((string)message["bodyBase64"]!)));
    }

    [Fact]
    public async Task ABodyMayBeEdited()
    {
        var console = new MqConsole(TextReader.Null, TextWriter.Null, TextWriter.Null) { Edit = body => body + ", edited" };

        var code = await MqProgram.Run(["dlq", "redrive", "t", "--group", "g", "--positions", "0:0", "--edit"], console, _ => BrokerProxy.Over(_broker));

        Assert.Equal(ExitCode.Done, code);
        Assert.Equal(["m1, edited"], await Consumed());
    }

    [Fact]
    public async Task DiscardedOnesAreGone()
    {
        Assert.Equal("3 discarded\n", (await Mq.Ok(_broker, "dlq", "discard", "t", "--group", "g", "--all")).Out);

        Assert.Empty((await Mq.Ok(_broker, "dlq", "list", "t", "--group", "g")).Out);
        Assert.Equal(ExitCode.Refused, (await Mq.Run(_broker, "dlq", "show", "t", "0:0", "--group", "g")).Code);
    }

    private async Task<string[]> Consumed() => (await Mq.Ok(_broker, "consume", "t", "--group", "g", "--wait", "50ms")).Lines;
}

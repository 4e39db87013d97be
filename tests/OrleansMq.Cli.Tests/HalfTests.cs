namespace OrleansMq.Cli.Tests;

/// <summary><c>mq half</c>.</summary>
public sealed class HalfTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task TheyAreListedShownAndDecided()
    {
        var sent = await Mq.RunWith(_broker, """{"body":"a","half":{"group":"pay"}}""" + "\n" + """{"body":"b","half":{"group":"ship"}}""" + "\n", "produce", "t", "--json-lines", "--json");
        Assert.Equal(["""{"half":"0-0","duplicate":false}""", """{"half":"0-1","duplicate":false}"""], sent.Lines);

        var rows = (await Mq.Ok(_broker, "half", "list", "t", "--producer-group", "ship")).Lines;
        Assert.Equal(["0-1", "undecided", "ship", "0"], Assert.Single(rows).Split('\t').Where((_, column) => column is < 3 or 4));
        Assert.Equal("a", (string)(await Mq.Ok(_broker, "half", "show", "t", "0-0", "--json")).Json["message"]!["body"]!);

        Assert.Equal("0-0 committed at 0:0\n", (await Mq.Ok(_broker, "half", "commit", "t", "0-0")).Out);
        Assert.Equal("0-1 rolled back\n", (await Mq.Ok(_broker, "half", "rollback", "t", "0-1")).Out);
        var late = await Mq.Run(_broker, "half", "commit", "t", "0-1");
        Assert.Equal(ExitCode.Refused, late.Code);
        Assert.StartsWith("mq: half-rolled-back: ", late.Error, StringComparison.Ordinal);
    }
}

namespace OrleansMq.Cli.Tests;

/// <summary><c>mq produce --delay/--at</c> and <c>mq scheduled</c>.</summary>
public sealed class ScheduledTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task WhatIsProducedWithADelayIsListedShownAndCancelled()
    {
        var produced = await Mq.RunWith(_broker, "a\nb\n", "produce", "t", "--delay", "3h", "--token", "line-{n}", "--json");
        Assert.Equal(["""{"scheduled":"line-1","duplicate":false}""", """{"scheduled":"line-2","duplicate":false}"""], produced.Lines);

        var rows = (await Mq.Ok(_broker, "scheduled", "list", "t")).Lines;
        Assert.Equal([["line-1", "", "a"], ["line-2", "", "b"]], rows.Select(row => row.Split('\t').Where((_, column) => column != 1)));
        Assert.Equal("b", (string)MessageBody((await Mq.Ok(_broker, "scheduled", "show", "t", "line-2", "--json")).Json));

        Assert.Equal("line-1 cancelled\n", (await Mq.Ok(_broker, "scheduled", "cancel", "t", "line-1")).Out);
        Assert.Single((await Mq.Ok(_broker, "scheduled", "list", "t", "--json")).Lines);
        var again = await Mq.Run(_broker, "scheduled", "cancel", "t", "line-1");
        Assert.Equal(ExitCode.Refused, again.Code);
        Assert.StartsWith("mq: scheduled-unknown: ", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATimeOfDeliveryIsGivenAsSuch()
    {
        var at = DateTimeOffset.UtcNow.AddDays(2).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", null);
        await Mq.RunWith(_broker, "a\n", "produce", "t", "--at", at);

        Assert.Equal(at, (string)(await Mq.Ok(_broker, "scheduled", "list", "t", "--json")).Json["deliverAt"]!);
    }

    [Theory]
    [InlineData("--delay", "1h", "--at", "2030-01-01T00:00:00Z")]
    [InlineData("--delay", "soon")]
    [InlineData("--at", "tomorrow")]
    public async Task WhatCannotBeMeantIsWrongUsage(params string[] options) =>
        Assert.Equal(ExitCode.Usage, (await Mq.RunWith(_broker, "a\n", ["produce", "t", .. options])).Code);

    private static string MessageBody(System.Text.Json.Nodes.JsonNode scheduled) =>
        System.Text.Encoding.UTF8.GetString(Convert.FromBase64String((string)scheduled["message"]!["bodyBase64"]!));
}

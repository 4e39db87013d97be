namespace OrleansMq.Cli.Tests;

/// <summary><c>mq trace</c> and <c>mq slow</c>.</summary>
public sealed class TraceTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange { Partitions = 3 });
        await _broker.PutTopic("answers", new TopicChange());
        await _broker.PutGroup("t", "g", new GroupChange());
        await _broker.Publish("t", [Message.OfJson("\"a\"", "k") with { Token = "a-1", CorrelationId = "op" }]);
        await _broker.Publish("answers", [Message.OfJson("\"b\"") with { CorrelationId = "op" }]);
        var leased = (await _broker.Receive("t", "g", new ReceiveRequest { Consumer = "one" }))[0];
        await _broker.Settle("t", "g", Settlement.Acknowledge(leased.Lease));
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task AMessageIsTracedByItsTokenItsPositionAndItsKey()
    {
        var byToken = (await Mq.Ok(_broker, "trace", "t", "a-1")).Lines;

        Assert.Equal(["created", "appended", "leased", "settled"], byToken.Select(line => line.Split('\t')[2]).Where(stage => stage != "durable"));
        Assert.Contains(byToken, line => line.EndsWith("leased\tg\tdelivery 1 to one", StringComparison.Ordinal));
        Assert.Equal(byToken, (await Mq.Ok(_broker, "trace", "t", "--key", "k")).Lines);
        var json = (await Mq.Ok(_broker, "trace", "t", "a-1", "--json")).Json;
        var position = json["message"]!["position"]!;
        Assert.Equal(byToken, (await Mq.Ok(_broker, "trace", "t", $"{position["partition"]}:{position["offset"]}")).Lines);
    }

    [Fact]
    public async Task AnOperationIsTracedOverAllTopics()
    {
        var traces = (await Mq.Ok(_broker, "trace", "--operation", "op", "--json")).Lines;

        Assert.Equal(2, traces.Length);
        Assert.Contains("\"body\":\"a\"", traces[0] + traces[1], StringComparison.Ordinal);
        Assert.Contains("\"body\":\"b\"", traces[0] + traces[1], StringComparison.Ordinal);
        Assert.Equal(ExitCode.Refused, (await Mq.Run(_broker, "trace", "t", "--key", "none")).Code);
        Assert.Equal(ExitCode.Usage, (await Mq.Run(_broker, "trace", "t")).Code);
        Assert.Equal(ExitCode.Usage, (await Mq.Run(_broker, "trace", "t", "a-1", "--key", "k")).Code);
    }

    [Fact]
    public async Task StagesAreShownWithTheBottleneck()
    {
        var lines = (await Mq.Ok(_broker, "slow", "t", "--group", "g")).Lines;

        Assert.Equal(5, lines.Length);
        Assert.StartsWith("last lease to settling\t1\t", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("bottleneck: ", lines[4], StringComparison.Ordinal);
        Assert.Equal(1, (int)(await Mq.Ok(_broker, "slow", "t", "--group", "g", "--json")).Json["handle"]!["count"]!);
    }
}

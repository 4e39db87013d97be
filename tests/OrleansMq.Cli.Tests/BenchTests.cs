namespace OrleansMq.Cli.Tests;

public sealed class BenchTests
{
    [Fact]
    public async Task ABenchMissesNothingAndLeavesNothing()
    {
        await using var broker = await EmbeddedBroker.InMemory();

        var result = (await Mq.Ok(broker, "bench", "--messages", "2000", "--producers", "2", "--consumers", "2", "--json")).Json;

        Assert.Equal((2000, 0), ((int)result["messages"]!, (int)result["lost"]!));
        Assert.True((double)result["publish"]!["messagesPerSecond"]! > 0);
        Assert.Empty((await broker.ListTopics()).Items);
    }
}

namespace OrleansMq.Cli.Tests;

public sealed class BrowseTests
{
    [Fact]
    public async Task BrowsingLeavesNoTraceAndComesFromWhereItIsTold()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new TopicChange { Partitions = 2 });
        await broker.Publish("t", [.. Enumerable.Range(0, 10).Select(i => Message.OfText($"m{i}", "k") with { Partition = i % 2 })]);

        Assert.Equal(["m0", "m2", "m4", "m6", "m8", "m1", "m3", "m5", "m7", "m9"], (await Mq.Ok(broker, "browse", "t")).Lines);
        Assert.Equal(["m5", "m7"], (await Mq.Ok(broker, "browse", "t", "--partition", "1", "--from", "2", "--max", "2")).Lines);
        Assert.Equal(["k=m0"], (await Mq.Ok(broker, "browse", "t", "--key-separator", "=", "--max", "1")).Lines);
        Assert.Equal(["m8", "m9"], (await Mq.Ok(broker, "browse", "t", "--filter", "mq.offset = 4")).Lines);
        Assert.Empty((await Mq.Ok(broker, "browse", "t", "--from", "latest")).Out);
        Assert.Equal(10, (await Mq.Ok(broker, "browse", "t", "--from", "1h", "--json")).Lines.Length);
        Assert.Empty((await broker.ListGroups("t")).Items);
    }

    [Fact]
    public async Task APartitionThatIsNotThereIsRefused()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new TopicChange());

        var run = await Mq.Run(broker, "browse", "t", "--partition", "7");

        Assert.Equal(ExitCode.Refused, run.Code);
        Assert.StartsWith("mq: partition-unknown: ", run.Error, StringComparison.Ordinal);
    }
}

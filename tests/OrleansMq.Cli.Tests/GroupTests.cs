namespace OrleansMq.Cli.Tests;

public sealed class GroupTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        await _broker.Publish("t", [.. Enumerable.Range(1, 3).Select(i => Message.OfText($"m{i}"))]);
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task AGroupIsDeclaredDescribedListedAndDeleted()
    {
        await Mq.Ok(_broker, "group", "declare", "t", "g", "--max-deliveries", "5", "--backoff", "1s,1m", "--lease", "10s", "--by-key", "true");

        var described = (await Mq.Ok(_broker, "group", "describe", "t", "g", "--json")).Json;
        Assert.Equal((true, 3), ((bool)described["declared"]!, (int)described["partitions"]![0]!["lag"]!));
        Assert.Equal("[1000,60000]", described["settings"]!["backoffMs"]!.ToJsonString());
        Assert.Contains("maxDeliveries\t5", (await Mq.Ok(_broker, "group", "describe", "t", "g")).Lines);
        Assert.Equal(["g"], (await Mq.Ok(_broker, "group", "list", "t")).Lines);

        await Mq.Ok(_broker, "group", "delete", "t", "g");
        Assert.Empty((await Mq.Ok(_broker, "group", "list", "t")).Out);
    }

    [Fact]
    public async Task AGroupDeliversByPriorityWhatWasProducedWithOne()
    {
        await Mq.Ok(_broker, "group", "declare", "t", "g", "--priority", "true", "--fair-by", "header:tenant");
        Assert.Equal(ExitCode.Done, (await Mq.RunWith(_broker, "now\n", "produce", "t", "--priority", "9")).Code);

        Assert.Equal(["now", "m1", "m2", "m3"], (await Mq.Ok(_broker, "consume", "t", "--group", "g", "--wait", "50ms")).Lines);
        var settings = (await Mq.Ok(_broker, "group", "describe", "t", "g", "--json")).Json["settings"]!;
        Assert.Equal((true, "header:tenant"), ((bool)settings["priority"]!, (string?)settings["fairBy"]));
        await Mq.Ok(_broker, "group", "change", "t", "g", "--fair-by", "none");
        Assert.Null((await _broker.DescribeGroup("t", "g")).Settings.FairBy);
        foreach (var wrong in (string[][])[["group", "change", "t", "g", "--fair-by", "tenant"], ["produce", "t", "--priority", "10"]])
            Assert.Equal(ExitCode.Usage, (await Mq.Run(_broker, wrong)).Code);
    }

    [Fact]
    public async Task AGroupWithAFilterGetsWhatMatches()
    {
        await Mq.Ok(_broker, "group", "declare", "t", "g", "--filter", "mq.offset > 0 AND mq.offset < 2");

        Assert.Equal(["m2"], (await Mq.Ok(_broker, "consume", "t", "--group", "g", "--wait", "50ms")).Lines);
        Assert.Equal(2, (int)(await Mq.Ok(_broker, "group", "describe", "t", "g", "--json")).Json["partitions"]![0]!["filtered"]!);
        var wrong = await Mq.Run(_broker, "group", "change", "t", "g", "--filter", "mq.offset >");
        Assert.Equal(ExitCode.Refused, wrong.Code);
        Assert.Contains("filter at character 12", wrong.Error, StringComparison.Ordinal);
        await Mq.Ok(_broker, "group", "change", "t", "g", "--filter", "none");
        Assert.Null((await _broker.DescribeGroup("t", "g")).Settings.Filter);
    }

    [Fact]
    public async Task AMistypedNameDeclaresNothing()
    {
        foreach (var command in new[] { "change", "pause", "resume" })
        {
            var run = await Mq.Run(_broker, "group", command, "t", "gg");
            Assert.Equal(ExitCode.Refused, run.Code);
            Assert.StartsWith("mq: group-unknown: ", run.Error, StringComparison.Ordinal);
        }
        Assert.Empty((await _broker.ListGroups("t")).Items);
    }

    [Fact]
    public async Task APausedGroupGetsNothingUntilItIsResumed()
    {
        await Mq.Ok(_broker, "group", "declare", "t", "g");

        await Mq.Ok(_broker, "group", "pause", "t", "g");
        Assert.Empty((await Mq.Ok(_broker, "consume", "t", "--group", "g", "--wait", "50ms")).Out);

        await Mq.Ok(_broker, "group", "resume", "t", "g");
        Assert.Equal(3, (await Mq.Ok(_broker, "consume", "t", "--group", "g", "--wait", "50ms")).Lines.Length);
    }

    [Fact]
    public async Task SeekingBackReplays()
    {
        string[] consume = ["consume", "t", "--group", "g", "--wait", "50ms"];
        await Mq.Ok(_broker, consume);

        await Mq.Ok(_broker, "seek", "t", "--group", "g", "--positions", "0:1");
        Assert.Equal(["m2", "m3"], (await Mq.Ok(_broker, consume)).Lines);

        await Mq.Ok(_broker, "seek", "t", "--group", "g", "--to", "earliest");
        Assert.Equal(["m1", "m2", "m3"], (await Mq.Ok(_broker, consume)).Lines);

        await Mq.Ok(_broker, "seek", "t", "--group", "g", "--to", "earliest");
        await Mq.Ok(_broker, "seek", "t", "--group", "g", "--to", "latest");
        Assert.Empty((await Mq.Ok(_broker, consume)).Out);
    }
}

namespace OrleansMq.Cli.Tests;

/// <summary><c>mq session</c>.</summary>
public sealed class SessionTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        await _broker.PutTopic("t", new TopicChange());
        await Mq.Ok(_broker, "group", "declare", "t", "g", "--by-key", "true", "--session-idle", "5s");
        await _broker.Publish("t", [Message.OfText("one", "k"), Message.OfText("two", "k")]);
        var leased = (await _broker.Receive("t", "g", new ReceiveRequest { Consumer = "a" }))[0];
        await _broker.Settle("t", "g", Settlement.Acknowledge(leased, "seen one"u8.ToArray()));
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task AStateIsShownAndCleared()
    {
        Assert.Equal("k: version 1, 8 bytes: seen one\n", (await Mq.Ok(_broker, "session", "show", "t", "g", "k")).Out);
        var json = (await Mq.Ok(_broker, "session", "show", "t", "g", "k", "--json")).Json;
        Assert.Equal((0, 1, "c2VlbiBvbmU="), ((int)json["partition"]!, (int)json["version"]!, (string?)json["state"]));
        Assert.Equal("other: no state\n", (await Mq.Ok(_broker, "session", "show", "t", "g", "other")).Out);

        Assert.Equal("k: no state\n", (await Mq.Ok(_broker, "session", "clear", "t", "g", "k")).Out);
        Assert.True((await _broker.Session("t", "g", new("k"u8.ToArray()))).State.IsEmpty);
        Assert.Equal("k: no state\n", (await Mq.Ok(_broker, "session", "show", "t", "g", "k")).Out);
    }

    [Fact]
    public async Task AConsumedMessageShowsItsStateAndTheGroupItsSetting()
    {
        Assert.Equal("c2VlbiBvbmU=", (string?)(await Mq.Ok(_broker, "consume", "t", "--group", "g", "--consumer", "a", "--max", "1", "--wait", "50ms", "--json")).Json["sessionState"]);
        Assert.Equal(5_000, (int)(await Mq.Ok(_broker, "group", "describe", "t", "g", "--json")).Json["settings"]!["sessionIdleMs"]!);
        await Mq.Ok(_broker, "group", "change", "t", "g", "--session-idle", "none");
        Assert.Null((await _broker.DescribeGroup("t", "g")).Settings.SessionIdle);
    }

    [Fact]
    public async Task AGroupThatIsNotByKeyHasNone()
    {
        await _broker.PutGroup("t", "plain", new GroupChange());

        var refused = await Mq.Run(_broker, "session", "show", "t", "plain", "k");
        Assert.Equal(ExitCode.Refused, refused.Code);
        Assert.Equal(ExitCode.Refused, (await Mq.Run(_broker, "group", "change", "t", "plain", "--session-idle", "5s")).Code);
    }
}

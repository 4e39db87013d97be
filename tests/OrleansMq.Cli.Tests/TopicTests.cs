using OrleansMq.Conformance.Broker;

namespace OrleansMq.Cli.Tests;

public sealed class TopicTests
{
    [Fact]
    public async Task ATopicIsCreatedDescribedListedAndDeleted()
    {
        await using var broker = await EmbeddedBroker.InMemory();

        await Mq.Ok(broker, "topic", "create", "flights", "--partitions", "3", "--retention", "1h", "--max-messages", "10", "--when-full", "dropOldest");

        var described = (await Mq.Ok(broker, "topic", "describe", "flights", "--json")).Json;
        Assert.Equal(3, described["partitions"]!.AsArray().Count);
        Assert.Equal((3_600_000, 10, "dropOldest"),
            ((int)described["settings"]!["retentionMs"]!, (int)described["settings"]!["maxMessages"]!, (string)described["settings"]!["whenFull"]!));
        Assert.Equal(["flights"], (await Mq.Ok(broker, "topic", "list")).Lines);

        await Mq.Ok(broker, "topic", "delete", "flights");
        Assert.Empty((await Mq.Ok(broker, "topic", "list")).Out);
    }

    [Fact]
    public async Task AChangeKeepsWhatItDoesNotNameAndDefaultRestores()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await Mq.Ok(broker, "topic", "create", "t", "--max-messages", "10", "--retention", "1h");

        await Mq.Ok(broker, "topic", "change", "t", "--retention", "default");

        var settings = (await broker.DescribeTopic("t")).Settings;
        Assert.Equal((10, TimeSpan.FromDays(7)), (settings.MaxMessages, settings.Retention));
        await Mq.Ok(broker, "topic", "change", "t", "--max-messages", "none");
        Assert.Null((await broker.DescribeTopic("t")).Settings.MaxMessages);
    }

    [Fact]
    public async Task ATopicGrowsByMultiples()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await Mq.Ok(broker, "topic", "create", "t", "--partitions", "2");

        Assert.Equal("topic t: 6 partitions", (await Mq.Ok(broker, "topic", "grow", "t", "--partitions", "6")).Out.Trim());
        Assert.Equal(6, (int)(await Mq.Ok(broker, "topic", "grow", "t", "--partitions", "6", "--json")).Json["settings"]!["partitions"]!);
        var refused = await Mq.Run(broker, "topic", "grow", "t", "--partitions", "8");
        Assert.Contains("multiple", refused.Error, StringComparison.Ordinal);
        await Mq.Ok(broker, "topic", "grow", "t", "--partitions", "8", "--break-key-order");

        Assert.Equal(8, (await broker.DescribeTopic("t")).Settings.Partitions);
        Assert.NotEqual(0, (await Mq.Run(broker, "topic", "grow", "nobodys", "--partitions", "8")).Code);
    }

    [Fact]
    public async Task AMistypedNameChangesNothing()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await Mq.Ok(broker, "topic", "create", "t");

        var again = await Mq.Run(broker, "topic", "create", "t");
        var change = await Mq.Run(broker, "topic", "change", "tt", "--retention", "1h");

        Assert.Equal(ExitCode.Refused, again.Code);
        Assert.StartsWith("mq: name-taken: ", again.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Refused, change.Code);
        Assert.StartsWith("mq: topic-unknown: ", change.Error, StringComparison.Ordinal);
        Assert.Equal(["t"], (await Mq.Ok(broker, "topic", "list")).Lines);
    }

    [Fact]
    public async Task ListsOfManyPagesAreWhole()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        for (var i = 0; i < 12; i++)
            await broker.PutTopic($"t{i:00}", new TopicChange());
        var twoAPage = BrokerProxy.Over(broker, (call, arguments) =>
        {
            if (call == nameof(IBroker.ListTopics))
                arguments[2] = 2;
        });

        Assert.Equal(10, (await Mq.Ok(twoAPage, "topic", "list", "--prefix", "t0")).Lines.Length);
        Assert.Equal(12, (await Mq.Ok(twoAPage, "topic", "list", "--json")).Json["topics"]!.AsArray().Count);
    }

    [Fact]
    public async Task AtATerminalThereAreTablesAndInAPipeTabs()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new TopicChange());
        var screen = new StringWriter();

        await MqProgram.Run(["topic", "describe", "t"], new MqConsole(TextReader.Null, screen, TextWriter.Null) { OutIsTerminal = true }, _ => BrokerProxy.Over(broker));
        var piped = await Mq.Ok(broker, "topic", "describe", "t");

        Assert.Contains('│', screen.ToString());
        Assert.Contains("keepUnsettled\ttrue", piped.Lines);
        Assert.DoesNotContain('│', piped.Out);
    }
}

namespace OrleansMq.Cli.Tests;

/// <summary><c>mq transactions</c>.</summary>
public sealed class TransactionTests
{
    [Fact]
    public async Task OneThatSomebodyLeftOpenIsFoundAndAborted()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new TopicChange());
        await broker.Transactions.Open("rests", TimeSpan.FromMinutes(1));
        var producer = await broker.Transactions.Open("etl/a", TimeSpan.FromMinutes(1));
        await broker.Publish("t", [Message.OfText("hanging")], new PublishOptions { Transaction = new ProducerTransaction("etl/a", producer) });
        Assert.Equal(2, (await Mq.Ok(broker, "transactions", "list")).Lines.Length);

        var row = Assert.Single((await Mq.Ok(broker, "transactions", "list", "--open")).Lines).Split('\t');
        Assert.Equal(["etl/a", "ongoing", $"{producer.Id}/{producer.Epoch}", "t/0"], row.Where((_, column) => column is < 3 or 5));
        Assert.Equal("ongoing", (string)(await Mq.Ok(broker, "transactions", "list", "--open", "--json")).Json["phase"]!);
        Assert.Equal("the transaction of etl/a is aborted, and its producer fenced\n", (await Mq.Ok(broker, "transactions", "abort", "etl/a")).Out);

        Assert.Empty((await Mq.Ok(broker, "transactions", "list", "--open")).Lines);
        var again = await Mq.Run(broker, "transactions", "abort", "etl/a");
        Assert.Equal(ExitCode.Refused, again.Code);
        Assert.StartsWith("mq: transaction-state: ", again.Error, StringComparison.Ordinal);
    }
}

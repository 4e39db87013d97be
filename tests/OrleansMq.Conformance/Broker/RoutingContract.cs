using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Exchanges choose the topics of a message, and say so when there are none.</summary>
public abstract class RoutingContract : BrokerContract
{
    [Fact]
    public Task ADirectExchangeGoesByTheWholeKey() => Story(async broker =>
    {
        await Topics(broker, "paid", "sent");
        await broker.PutExchange("orders", new());
        Assert.True(await broker.Bind("orders", Binding.ToTopic("paid", "order.paid")));
        Assert.True(await broker.Bind("orders", Binding.ToTopic("sent", "order.sent")));

        var results = await broker.PublishTo("orders", [Text("1", "order.paid"), Text("2") with { RoutingKey = "order.sent" }, Text("3", "order")]);

        Assert.Equal([["paid"], ["sent"], []], Topics(results));
        Assert.True(results[2].Unroutable);
        Assert.Equal(["1"], Bodies(await broker.ReadAll("paid")));
        var sent = Assert.Single(await broker.ReadAll("sent"));
        Assert.Equal(("2", "order.sent"), (sent.BodyText, sent.RoutingKey));
    });

    [Fact]
    public Task AFanoutGoesToAllWhateverTheKey() => Story(async broker =>
    {
        await Topics(broker, "stock", "points");
        await broker.PutExchange("sale", new() { Kind = ExchangeKind.Fanout });
        await broker.Bind("sale", Binding.ToTopic("stock"));
        await broker.Bind("sale", Binding.ToTopic("points", "ignored"));

        Assert.Equal([["points", "stock"]], Topics(await broker.PublishTo("sale", [Text("1", "any")])));
    });

    [Theory]
    [InlineData("usa.news", "all", "news", "news-any", "usa")]
    [InlineData("usa.weather", "all", "usa")]
    [InlineData("europe.news.today", "all", "news-any")]
    [InlineData("news", "all", "news-any")]
    [InlineData("europe.news", "all", "news", "news-any")]
    [InlineData("", "all", "none")]
    public Task APatternGoesByWords(string key, params string[] expected) => Story(async broker =>
    {
        await Topics(broker, "usa", "news", "news-any", "none", "all");
        await broker.PutExchange("x", new() { Kind = ExchangeKind.Pattern });
        await broker.Bind("x", Binding.ToTopic("usa", "usa.#"));
        await broker.Bind("x", Binding.ToTopic("news", "*.news"));
        await broker.Bind("x", Binding.ToTopic("news-any", "#.news.#"));
        await broker.Bind("x", Binding.ToTopic("none", ""));
        await broker.Bind("x", Binding.ToTopic("all", "#"));

        Assert.Equal([expected], Topics(await broker.PublishTo("x", [Text("1", key)])));
    });

    [Fact]
    public Task HeadersAllOrAny() => Story(async broker =>
    {
        await Topics(broker, "all", "any", "present");
        await broker.PutExchange("x", new() { Kind = ExchangeKind.Headers });
        var two = new Dictionary<string, string?> { ["format"] = "pdf", ["type"] = "report" };
        await broker.Bind("x", new() { Topic = "all", Headers = two });
        await broker.Bind("x", new() { Topic = "any", Headers = two, AnyHeader = true });
        await broker.Bind("x", new() { Topic = "present", Headers = new Dictionary<string, string?> { ["urgent"] = null } });

        var results = await broker.PublishTo("x",
        [
            With(("format", "pdf"), ("type", "report")), With(("format", "pdf"), ("type", "log")), With(("urgent", "")), With(("format", "zip")),
        ]);

        Assert.Equal([["all", "any"], ["any"], ["present"], []], Topics(results));
    });

    [Fact]
    public Task ExchangesLeadToExchangesAndACircleEnds() => Story(async broker =>
    {
        await Topics(broker, "t");
        await broker.PutExchange("a", new() { Kind = ExchangeKind.Fanout });
        await broker.PutExchange("b", new());
        await broker.Bind("a", Binding.ToExchange("b"));
        await broker.Bind("b", Binding.ToExchange("a", "k"));
        await broker.Bind("b", Binding.ToTopic("t", "k"));

        var results = await broker.PublishTo("a", [Text("1", "k"), Text("2", "other")]);

        Assert.Equal([["t"], []], Topics(results));
        Assert.Equal(["1"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task WhatMatchesNothingGoesToTheAlternate() => Story(async broker =>
    {
        await Topics(broker, "known", "rest");
        await broker.PutExchange("rest", new() { Kind = ExchangeKind.Fanout });
        await broker.Bind("rest", Binding.ToTopic("rest"));
        var made = await broker.PutExchange("x", new() { Alternate = new ExchangeName("rest") });
        await broker.Bind("x", Binding.ToTopic("known", "known"));

        Assert.Equal(new ExchangeName("rest"), made.Alternate);
        Assert.Equal([["known"], ["rest"]], Topics(await broker.PublishTo("x", [Text("1", "known"), Text("2", "else")])));

        var without = await broker.PutExchange("x", new() { Alternate = Change<ExchangeName?>.Default });
        Assert.Null(without.Alternate);
        Assert.Equal([[]], Topics(await broker.PublishTo("x", [Text("3", "else")])));
    });

    [Fact]
    public Task SentAgainWithItsTokenNoTopicStoresItTwice() => Story(async broker =>
    {
        await Topics(broker, "a", "b");
        await broker.PutExchange("x", new() { Kind = ExchangeKind.Fanout });
        await broker.Bind("x", Binding.ToTopic("a"));
        var message = Text("1") with { Token = "once" };
        await broker.PublishTo("x", [message]);
        await broker.Bind("x", Binding.ToTopic("b"));

        var again = Assert.Single(await broker.PublishTo("x", [message]));

        Assert.Equal([true, false], again.Copies.Select(copy => copy.Result.Duplicate));
        Assert.Equal(["1"], Bodies(await broker.ReadAll("a")));
        Assert.Equal(["1"], Bodies(await broker.ReadAll("b")));
    });

    [Fact]
    public Task ATopicThatRefusesTakesNothingFromTheOthers() => Story(async broker =>
    {
        await broker.PutTopic("full", new() { MaxMessages = 1 });
        await broker.PutTopic("free", new());
        await Publish(broker, "full", "0");
        await broker.PutExchange("x", new() { Kind = ExchangeKind.Fanout });
        await broker.Bind("x", Binding.ToTopic("full"));
        await broker.Bind("x", Binding.ToTopic("free"));

        var copies = Assert.Single(await broker.PublishTo("x", [Text("1")])).Copies;

        Assert.Equal([("free", null), ("full", ErrorCodes.BacklogFull)], copies.Select(copy => (copy.Topic.Text, copy.Result.Error?.Code)));
        Assert.Equal(["1"], Bodies(await broker.ReadAll("free")));
    });

    [Fact]
    public Task ABindingIsThereOnceAndGoesWhole() => Story(async broker =>
    {
        await Topics(broker, "t");
        await broker.PutExchange("x", new());
        Assert.True(await broker.Bind("x", Binding.ToTopic("t", "k")));

        Assert.False(await broker.Bind("x", Binding.ToTopic("t", "k")));
        Assert.Equal([Binding.ToTopic("t", "k")], (await broker.DescribeExchange("x")).Bindings);
        Assert.False(await broker.Unbind("x", Binding.ToTopic("t", "other")));
        Assert.True(await broker.Unbind("x", Binding.ToTopic("t", "k")));

        Assert.Equal([[]], Topics(await broker.PublishTo("x", [Text("1", "k")])));
    });

    [Fact]
    public Task RouteSaysWhereToAndSendsNothing() => Story(async broker =>
    {
        await Topics(broker, "t");
        await broker.PutExchange("x", new());
        await broker.Bind("x", Binding.ToTopic("t", "k"));

        var routes = await broker.Route("x", [new RoutingFacts("k", []), new RoutingFacts("other", [])]);

        Assert.Equal([["t"], []], routes.Select(topics => topics.Select(topic => topic.Text).ToArray()));
        Assert.Empty(await broker.ReadAll("t"));
    });

    [Fact]
    public Task ExchangesAreListedAndDeleted() => Story(async broker =>
    {
        await broker.PutExchange("route.b", new());
        await broker.PutExchange("route.a", new());
        await broker.PutExchange("route.c", new() { Alternate = new ExchangeName("route.a") });

        Assert.Equal(["route.a", "route.b", "route.c"], (await broker.ListExchanges("route.")).Items.Select(name => name.Text));
        var page = await broker.ListExchanges("route.", max: 2);
        Assert.Equal(["route.c"], (await broker.ListExchanges("route.", page.Next)).Items.Select(name => name.Text));
        await Refused(ErrorCodes.Conflict, () => broker.DeleteExchange("route.a"));
        await broker.DeleteExchange("route.c");
        await broker.DeleteExchange("route.a");

        await Refused(ErrorCodes.ExchangeUnknown, () => broker.DescribeExchange("route.a"));
        Assert.Equal(["route.b"], (await broker.ListExchanges("route.")).Items.Select(name => name.Text));
    });

    [Fact]
    public Task WhatIsNotThereIsSaid() => Story(async broker =>
    {
        await Topics(broker, "t");
        await broker.PutExchange("x", new());

        await Refused(ErrorCodes.ExchangeUnknown, () => broker.PublishTo("none", [Text("1")]));
        await Refused(ErrorCodes.ExchangeUnknown, () => broker.Bind("none", Binding.ToTopic("t")));
        await Refused(ErrorCodes.ExchangeUnknown, () => broker.Bind("x", Binding.ToExchange("none")));
        await Refused(ErrorCodes.ExchangeUnknown, () => broker.Unbind("none", Binding.ToTopic("t")));
        await Refused(ErrorCodes.ExchangeUnknown, () => broker.PutExchange("y", new() { Alternate = new ExchangeName("none") }));
        await Refused(ErrorCodes.ExchangeUnknown, () => broker.DeleteExchange("none"));
        await Refused(ErrorCodes.TopicUnknown, () => broker.Bind("x", Binding.ToTopic("none")));
        await Refused(ErrorCodes.ExchangeUnknown, () => broker.DescribeExchange("y"));
    });

    [Fact]
    public Task WhatCanNotBeIsRefused() => Story(async broker =>
    {
        await Topics(broker, "t");
        await broker.PutExchange("x", new());
        var header = new Dictionary<string, string?> { ["a"] = "b" };

        await Refused(ErrorCodes.Malformed, () => broker.Bind("x", new()));
        await Refused(ErrorCodes.Malformed, () => broker.Bind("x", new() { Topic = "t", Exchange = "x" }));
        await Refused(ErrorCodes.Malformed, () => broker.Bind("x", new() { Topic = "t", Headers = header }));
        await Refused(ErrorCodes.Malformed, () => broker.Bind("x", Binding.ToTopic("t", new string('k', MessageCodec.MaxRoutingKeyBytes + 1))));
        await Refused(ErrorCodes.Malformed, () => broker.PublishTo("x", [Text("1") with { RoutingKey = new string('k', MessageCodec.MaxRoutingKeyBytes + 1) }]));
        await Refused(ErrorCodes.Conflict, () => broker.PutExchange("x", new() { Kind = ExchangeKind.Fanout }));
        await Refused(ErrorCodes.Conflict, () => broker.PutExchange("x", new() { Alternate = new ExchangeName("x") }));

        Assert.Empty((await broker.DescribeExchange("x")).Bindings);
    });

    [Fact]
    public Task ATopicThatIsGoneIsSaidNotSkipped() => Story(async broker =>
    {
        await Topics(broker, "t");
        await broker.PutExchange("x", new() { Kind = ExchangeKind.Fanout });
        await broker.Bind("x", Binding.ToTopic("t"));
        await broker.DeleteTopic("t");

        var copy = Assert.Single(Assert.Single(await broker.PublishTo("x", [Text("1")])).Copies);

        Assert.Equal(ErrorCodes.TopicUnknown, copy.Result.Error?.Code);
    });

    private static async Task Topics(IBroker broker, params string[] names)
    {
        foreach (var name in names)
            await broker.PutTopic(name, new());
    }

    private static string[][] Topics(IReadOnlyList<RoutedResult> results) =>
        [.. results.Select(result => result.Copies.Select(copy => copy.Result.OrThrow() is { Offset: >= 0 } ? copy.Topic.Text : "").ToArray())];

    private static Message With(params (string Name, string Value)[] headers) =>
        Text("x") with { Headers = [.. headers.Select(header => KeyValuePair.Create(header.Name, header.Value))] };
}

namespace OrleansMq.Access.Tests;

/// <summary>Tenants: the same names, and nothing of each other.</summary>
public sealed class TenantTests : IAsyncLifetime
{
    private static readonly Principal Ann = new("ann"), Bob = new("bob"), Una = new("una");

    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        _control = await Some.ControlWithAnna();
        foreach (var (user, tenant) in new[] { ("ann", "acme"), ("bob", "bolt"), ("una", null) })
        {
            await _control.Directory.PutUser(user, new UserChange { Password = Some.Password, Tenant = tenant });
            foreach (var kind in new[] { ResourceKind.Topic, ResourceKind.Group, ResourceKind.Producer, ResourceKind.Exchange })
                await _control.Directory.AddRule(Some.Rule((AccessOperations)255, kind, "*", ResourceMatch.Pattern, user));
        }
    }

    public async Task DisposeAsync()
    {
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
    }

    private GuardedBroker As(Principal principal) => _control.As(_broker, principal);

    [Fact]
    public async Task TheSameNamesAreOfEachTenantItsOwn()
    {
        var (ann, bob) = (As(Ann), As(Bob));
        await ann.PutTopic("orders", new TopicChange());
        await bob.PutTopic("orders", new TopicChange());
        await ann.Publish("orders", [Message.OfText("ann's")]);
        await bob.Publish("orders", [Message.OfText("bob's")]);

        Assert.Equal(["ann's"], (await ann.ReadAll("orders")).Select(message => message.BodyText));
        Assert.Equal("bob's", (await bob.Receive("orders", "g", new ReceiveRequest())).Single().BodyText);
        Assert.Equal("orders", (await ann.DescribeTopic("orders")).Name.Text);
        await bob.DeleteTopic("orders");
        Assert.Single(await ann.ReadAll("orders"));
    }

    [Fact]
    public async Task NothingOfOneTenantIsSeenByAnotherOrByOneWithoutTenantWhateverTheySay()
    {
        var ann = As(Ann);
        await ann.PutTopic("orders", new TopicChange());
        await ann.PutGroup("orders", "g", new GroupChange());
        await _broker.PutTopic("plain", new TopicChange());

        Assert.Equal(["orders"], (await ann.ListTopics()).Items.Select(topic => topic.Text));
        Assert.Empty((await As(Bob).ListTopics()).Items);
        Assert.Equal(["plain"], (await As(Una).ListTopics()).Items.Select(topic => topic.Text));
        foreach (var name in new TopicName[] { "orders", "_t.acme.orders", "acme.orders", "_t.acme.orders._t.acme.g.dlq" })
        {
            // A name of his own that is not there, or one that nobody can say.
            Assert.Contains((await Assert.ThrowsAsync<MqException>(async () => await As(Bob).DescribeTopic(name))).Code,
                name.Text.StartsWith("_t.", StringComparison.Ordinal) ? [ErrorCodes.Forbidden, ErrorCodes.Malformed] : new[] { ErrorCodes.TopicUnknown });
            Assert.Contains((await Assert.ThrowsAsync<MqException>(async () => await As(Una).DescribeTopic(name))).Code, new[] { ErrorCodes.TopicUnknown, ErrorCodes.Forbidden });
        }
        Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await As(Una).Publish("_t.acme.orders", [Message.OfText("x")]))).Code);
        Assert.Equal(ErrorCodes.TopicUnknown, (await Assert.ThrowsAsync<MqException>(async () => await ann.DescribeTopic("plain"))).Code);
    }

    [Fact]
    public async Task AnOperatorSeesThemAllAndATenantsAdministratorItsOwnAlone()
    {
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: "ann"));
        await As(Ann).PutTopic("orders", new TopicChange());
        await As(Bob).PutTopic("orders", new TopicChange());

        Assert.Equal(["_t.acme.orders", "_t.bolt.orders"], (await As(Some.Admin).ListTopics()).Items.Select(topic => topic.Text));
        Assert.Equal(["orders"], (await As(Ann).ListTopics()).Items.Select(topic => topic.Text));
        foreach (var call in new Func<Task>[]
        {
            async () => await As(Ann).Access.ListUsers(), async () => await As(Ann).Access.ListRules(), async () => await As(Ann).Access.DeleteUser("bob"),
            async () => await As(Ann).Access.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: "una")),
            () => { As(Ann).Demand(AccessOperations.Describe, ResourceKind.Cluster, ""); return Task.CompletedTask; },
        })
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(call)).Code);
    }

    [Fact]
    public async Task GroupsDeadLettersAndProducersAreTheTenantsToo()
    {
        var (ann, bob) = (As(Ann), As(Bob));
        foreach (var broker in new[] { ann, bob })
        {
            await broker.PutTopic("orders", new TopicChange());
            await broker.Publish("orders", [Message.OfText("poison")]);
            var delivery = (await broker.Receive("orders", "g", new ReceiveRequest())).Single();
            await broker.Settle("orders", "g", Settlement.DeadLetter([delivery.Lease], "bad"));
        }

        Assert.Equal(["g"], (await ann.ListGroups("orders")).Items.Select(group => group.Text));
        Assert.Equal("g", (await ann.DescribeGroup("orders", "g")).Name.Text);
        Assert.Equal("poison", (await ann.ReadAll("orders.g.dlq")).Single().BodyText);
        Assert.Equal(1, await ann.Discard("orders", "g", DeadLetterSelection.All));
        Assert.Single(await bob.ReadAll("orders.g.dlq"));

        var first = await ann.OpenProducer("p");
        await bob.OpenProducer("p");
        Assert.Equal(first.Epoch + 1, (await ann.OpenProducer("p")).Epoch);
        await ann.Coordinator!.Commit("k", null, [new GroupOffset("orders", 0, 1)]);
        Assert.Equal(["orders"], (await ann.Coordinator!.Committed("k")).Select(offset => offset.Topic.Text));
        Assert.Equal(["k"], (await ann.Coordinator!.List()).Items.Select(group => group.Name.Text));
        Assert.Empty((await bob.Coordinator!.List()).Items);
    }

    [Fact]
    public async Task ExchangesLeadToTheTenantsOwnTopics()
    {
        foreach (var broker in new[] { As(Ann), As(Bob) })
        {
            await broker.PutTopic("orders", new TopicChange());
            await broker.PutExchange("rest", new ExchangeChange { Kind = ExchangeKind.Fanout });
            await broker.PutExchange("shop", new ExchangeChange { Alternate = new ExchangeName("rest") });
            await broker.Bind("shop", Binding.ToTopic("orders", "paid"));
        }

        await As(Ann).PublishTo("shop", [Message.OfText("ann's") with { RoutingKey = "paid" }]);

        Assert.Equal(["ann's"], (await As(Ann).ReadAll("orders")).Select(message => message.BodyText));
        Assert.Empty(await As(Bob).ReadAll("orders"));
        var seen = await As(Ann).DescribeExchange("shop");
        Assert.Equal(("shop", "rest"), (seen.Name.Text, seen.Alternate?.Text));
        Assert.Equal([Binding.ToTopic("orders", "paid")], seen.Bindings);
        Assert.Equal(["rest", "shop"], (await As(Ann).ListExchanges()).Items.Select(exchange => exchange.Text));
        Assert.Empty((await As(Una).ListExchanges()).Items);
    }

    [Fact]
    public async Task WhatAnOperatorBindsToTheOutsideIsNeitherShownNorFollowed()
    {
        await _broker.PutTopic("plain", new TopicChange());
        await As(Ann).PutExchange("shop", new ExchangeChange { Kind = ExchangeKind.Fanout });
        await As(Some.Admin).Bind("_t.acme.shop", Binding.ToTopic("plain"));

        Assert.Empty((await As(Ann).DescribeExchange("shop")).Bindings);
        Assert.Empty((await As(Ann).Route("shop", [new RoutingFacts("", [])])).Single());
    }

    [Theory]
    [InlineData("etl")]
    [InlineData("no name, kept by its digest")]
    public async Task ATransactionalIdIsATenantsOwn(string id)
    {
        await As(Ann).PutTopic("orders", new TopicChange());
        await As(Bob).PutTopic("orders", new TopicChange());
        var anns = await As(Ann).Transactions!.Open(id, TimeSpan.FromMinutes(1));
        await As(Ann).Publish("orders", [Message.OfText("ann's")], new PublishOptions { Transaction = new ProducerTransaction(id, anns) });

        // Within one tenant this would have fenced and aborted it.
        await As(Bob).Transactions!.Open(id, TimeSpan.FromMinutes(1));
        var seen = Assert.Single((await As(Ann).Transactions!.List()).Items);
        Assert.Equal((id, TransactionPhase.Ongoing), (seen.Id, seen.Phase));
        Assert.Equal([new TransactionPartition("orders", 0)], seen.Partitions);
        Assert.Empty(Assert.Single((await As(Bob).Transactions!.List()).Items).Partitions);
        Assert.Empty((await As(Una).Transactions!.List()).Items);

        await As(Ann).Transactions!.End(id, anns, commit: true, newEpoch: true);
        Assert.Single(await As(Ann).ReadAll("orders"));
    }

    [Fact]
    public async Task OfTransactionsAPageNamesTheTenantsAlone()
    {
        foreach (var tenant in new[] { As(Ann), As(Bob) })
            foreach (var id in new[] { "a", "b", "c" })
                await tenant.Transactions!.Open(id, TimeSpan.FromMinutes(1));

        var first = await As(Ann).Transactions!.List(max: 2);
        var second = await As(Ann).Transactions!.List(after: first.Next, max: 2);

        Assert.Equal(["a", "b", "| b", "c", "| "], [.. first.Items.Select(one => one.Id), $"| {first.Next}", .. second.Items.Select(one => one.Id), $"| {second.Next}"]);
    }

    [Fact]
    public async Task ATokensTenantIsItsOwnAndItsNameIsNot()
    {
        await _control.Directory.AddRule(Some.Rule((AccessOperations)255, ResourceKind.Topic, "*", ResourceMatch.Pattern, "jwt:acme"));
        await As(Ann).PutTopic("orders", new TopicChange());
        var token = Principal.OfToken("acme", []);

        Assert.Equal(["orders"], (await As(token with { Tenant = "acme" }).ListTopics()).Items.Select(topic => topic.Text));
        Assert.Empty((await As(token with { Tenant = "bolt" }).ListTopics()).Items);
        Assert.Empty((await As(token).ListTopics()).Items);
    }

    [Fact]
    public async Task ARefusalNamesWhatTheTenantKnows()
    {
        var refusal = await Assert.ThrowsAsync<MqException>(async () => await As(Ann).Publish("nowhere", [Message.OfText("x")]));

        Assert.Equal("There is no topic 'nowhere'.", refusal.Message);
    }

    [Fact]
    public async Task AUserMadeAnewInAnotherTenantHasNothingByItsOldConnection()
    {
        var before = As(Ann);
        await before.PutTopic("orders", new TopicChange());
        await _control.Directory.DeleteUser("ann");
        await _control.Directory.PutUser("ann", new UserChange { Password = Some.Password, Tenant = "bolt" });
        await _control.Directory.AddRule(Some.Rule((AccessOperations)255, ResourceKind.Topic, "*", ResourceMatch.Pattern, "ann"));

        Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await before.DescribeTopic("orders"))).Code);
        Assert.Equal(ErrorCodes.TopicUnknown, (await Assert.ThrowsAsync<MqException>(async () => await As(Ann).DescribeTopic("orders"))).Code);
        Assert.Equal(ErrorCodes.Conflict, (await Assert.ThrowsAsync<MqException>(async () => await _control.Directory.PutUser("ann", new UserChange { Tenant = "acme" }))).Code);
    }

    [Fact]
    public async Task PagesEndWhereAnothersNamesBegin()
    {
        var ann = As(Ann);
        foreach (var topic in new[] { "a", "b", "c" })
        {
            await ann.PutTopic(topic, new TopicChange());
            await As(Bob).PutTopic(topic, new TopicChange());
        }

        var first = await ann.ListTopics(max: 2);
        var second = await ann.ListTopics(after: first.Next, max: 2);

        Assert.Equal(["a", "b", "| b", "c", "| "], [.. first.Items.Select(topic => topic.Text), $"| {first.Next}", .. second.Items.Select(topic => topic.Text), $"| {second.Next}"]);
    }

    [Theory]
    [InlineData("Acme")]
    [InlineData("a.b")]
    [InlineData("")]
    public async Task ATenantsNameHasNoDotThatCouldBeginAnothers(string tenant) =>
        Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(async () => await _control.Directory.PutUser("new", new UserChange { Password = Some.Password, Tenant = tenant }))).Code);
}

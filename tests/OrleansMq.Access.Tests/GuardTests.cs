using System.Reflection;
using OrleansMq.Conformance.Broker;
using OrleansMq.Records;

namespace OrleansMq.Access.Tests;

public sealed class GuardTests : IAsyncLifetime
{
    private EmbeddedBroker _broker = null!;
    private AccessControl _control = null!;
    private Listening _listening = null!;

    private GuardedBroker Annas => _control.As(_listening.Broker, Some.Anna);

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        _broker.Webhooks = new SilentWebhooks();
        await _broker.PutTopic("t", new TopicChange());
        await _broker.PutGroup("t", "g", new GroupChange());
        _control = await Some.ControlWithAnna();
        _listening = new Listening(_broker);
    }

    public async Task DisposeAsync()
    {
        await _control.DisposeAsync();
        await _broker.DisposeAsync();
    }

    public static TheoryData<int> Calls => [.. Enumerable.Range(0, GuardedCalls.All.Count)];

    private async Task Allow(params IEnumerable<Need> needs)
    {
        foreach (var need in needs)
            await _control.Directory.AddRule(need.Rule);
    }

    [Fact]
    public void NoCallOfTheBrokerIsWithoutARule()
    {
        foreach (var type in new[] { typeof(IBroker), typeof(IGroupCoordinator), typeof(IAccessDirectory), typeof(ITransactionCoordinator), typeof(IWebhookDirectory) })
            foreach (var method in type.GetMethods().Where(method => !method.IsSpecialName))
            {
                Assert.True(
                    GuardedCalls.All.Any(call => call.Of == type && call.Method == method.Name) || GuardedCalls.Filtered.Contains((type, method.Name)),
                    $"{type.Name}.{method.Name} has no rule: say in GuardedCalls what it needs, and ask for it in the guard.");
            }
    }

    [Theory]
    [InlineData(typeof(IBroker), typeof(GuardedBroker))]
    [InlineData(typeof(IGroupCoordinator), typeof(GuardedCoordinator))]
    [InlineData(typeof(IAccessDirectory), typeof(GuardedDirectory))]
    [InlineData(typeof(ITransactionCoordinator), typeof(GuardedTransactions))]
    [InlineData(typeof(IWebhookDirectory), typeof(GuardedWebhooks))]
    [InlineData(typeof(IBroker), typeof(TenantBroker))]
    [InlineData(typeof(IGroupCoordinator), typeof(TenantCoordinator))]
    [InlineData(typeof(ITransactionCoordinator), typeof(TenantTransactions))]
    public void NoCallGoesAroundTheGuardByADefaultOfItsInterface(Type calls, Type guard)
    {
        var map = guard.GetInterfaceMap(calls);
        Assert.All(map.TargetMethods, method => Assert.Equal(guard, method.DeclaringType));
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task WithoutARuleItIsRefusedAndTheBrokerIsNotAsked(int which)
    {
        var call = GuardedCalls.All[which];

        var refusal = await Assert.ThrowsAsync<MqException>(() => call.Call(Annas));

        Assert.Equal(ErrorCodes.Forbidden, refusal.Code);
        Assert.Empty(_listening.Calls);
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task WithWhatItNeedsItReachesTheBroker(int which)
    {
        var call = GuardedCalls.All[which];
        await Allow(call.Needs);

        var refusal = await Record.ExceptionAsync(() => call.Call(Annas));

        Assert.NotEqual(ErrorCodes.Forbidden, (refusal as MqException)?.Code);
        if (call.Of != typeof(IAccessDirectory))
            Assert.Contains(call.Method, _listening.Calls);
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task WithoutOneOfWhatItNeedsItIsRefused(int which)
    {
        var call = GuardedCalls.All[which];
        foreach (var missing in call.Needs)
        {
            await using var control = await Some.ControlWithAnna();
            foreach (var need in call.Needs.Where(need => need != missing))
                await control.Directory.AddRule(need.Rule);

            var refusal = await Assert.ThrowsAsync<MqException>(() => call.Call(control.As(_broker, Some.Anna)));
            Assert.True(refusal.Code == ErrorCodes.Forbidden, $"{call} without {missing}: {refusal.Code}");
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task EveryOtherOperationOnTheSameNamesDoesNotHelp(int which)
    {
        var call = GuardedCalls.All[which];
        foreach (var need in call.Needs.Where(need => need.Kind != ResourceKind.Cluster))
        {
            // Describe comes with most others; and other ways in to the same call are allowed.
            var ways = GuardedCalls.All.Where(way => way.Of == call.Of && way.Method == call.Method).SelectMany(way => way.Needs).Where(way => way.Kind == need.Kind).Select(way => way.Operation).ToHashSet();
            if (call.Method is nameof(IBroker.DescribeHalf) or nameof(IBroker.ListHalf))
                ways.UnionWith([AccessOperations.Produce, AccessOperations.Browse]);
            if (call.Method is nameof(IBroker.ListScheduled) or nameof(IBroker.Trace) || (call.Method == nameof(IBroker.Reconcile) && need.Kind == ResourceKind.Topic))
                ways.UnionWith([AccessOperations.Consume, AccessOperations.Browse]);
            var others = Enum.GetValues<AccessOperations>().Where(one => one is not (AccessOperations.None or AccessOperations.Admin) && !ways.Contains(one)
                && !(need.Operation == AccessOperations.Describe && one != AccessOperations.Create)).ToList();
            await using var control = await Some.ControlWithAnna();
            foreach (var also in call.Needs.Where(also => also != need))
                await control.Directory.AddRule(also.Rule);
            foreach (var other in others)
                await control.Directory.AddRule((need with { Operation = other }).Rule);

            var refusal = await Record.ExceptionAsync(() => call.Call(control.As(_broker, Some.Anna)));
            Assert.True((refusal as MqException)?.Code == ErrorCodes.Forbidden, $"{call} with all but {need}: {refusal?.Message}");
        }
    }

    [Theory]
    [MemberData(nameof(Calls))]
    public async Task AnAdministratorMayDoItAll(int which)
    {
        var call = GuardedCalls.All[which];

        var refusal = await Record.ExceptionAsync(() => call.Call(_control.As(_listening.Broker, Some.Admin)));

        Assert.NotEqual(ErrorCodes.Forbidden, (refusal as MqException)?.Code);
    }

    [Fact]
    public async Task CreateDoesNotAlterNorAlterCreate()
    {
        await Allow(new Need(AccessOperations.Create, ResourceKind.Topic, "t"), new Need(AccessOperations.Alter, ResourceKind.Topic, "new"));

        foreach (var topic in new TopicName[] { "t", "new" })
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await Annas.PutTopic(topic, new TopicChange()))).Code);
    }

    [Fact]
    public async Task ListsShowWhatTheCallerMaySeeAndNoPageNamesAnythingElse()
    {
        foreach (var name in new[] { "a1", "a2", "b1", "b2", "b3", "c" })
            await _broker.PutTopic(name, new TopicChange());
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Produce, ResourceKind.Topic, "b", ResourceMatch.Prefix));

        var first = await Annas.ListTopics(max: 2);
        Assert.Equal(["b1", "b2", "| b2"], first.Items.Select(topic => topic.Text).Append($"| {first.Next}"));
        var second = await Annas.ListTopics(after: first.Next, max: 2);
        Assert.Equal(["b3", "| "], second.Items.Select(topic => topic.Text).Append($"| {second.Next}"));
    }

    [Fact]
    public async Task TransactionsAreListedAsFarAsOneMaySeeThem()
    {
        await _broker.PutTopic("other", new TopicChange());
        foreach (var id in (string[])["mine", "theirs"])
            await _broker.Transactions.AddPartitions(id, await _broker.Transactions.Open(id, TimeSpan.FromMinutes(1)), [new TransactionPartition("t", 0), new TransactionPartition("other", 0)]);
        Assert.Empty((await Annas.Transactions!.List()).Items);

        await Allow(new Need(AccessOperations.Describe, ResourceKind.Producer, "mine"), new Need(AccessOperations.Describe, ResourceKind.Topic, "t"));

        var seen = Assert.Single((await Annas.Transactions.List()).Items);
        Assert.Equal("mine", seen.Id);
        Assert.Equal([new TransactionPartition("t", 0)], seen.Partitions);
    }

    [Fact]
    public async Task APageOfTransactionsNamesAsTheNextNoneThatOneMayNotSee()
    {
        foreach (var id in (string[])["mine 1", "mine 2", "mine 3", "theirs 1", "theirs 2", "theirs 3"])
            await _broker.Transactions.Open(id, TimeSpan.FromMinutes(1));
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Describe, ResourceKind.Producer, "mine", ResourceMatch.Prefix));

        var (seen, after) = (new List<string>(), (string?)null);
        do
        {
            var page = await Annas.Transactions!.List(after, 1);
            seen.Add(Assert.Single(page.Items).Id);
            if ((after = page.Next) is not null)
                Assert.Equal(new TransactionalId(seen[^1]).Key, after);
        }
        while (after is not null);

        Assert.Equal(["mine 1", "mine 2", "mine 3"], seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task DeadLettersAreTheirTopicsAndNoPrefixOfTheirNameOpensThem()
    {
        // Read as a topic, "t.g.dlq" begins with "t."; the messages are those of "t".
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Browse, ResourceKind.Topic, "t.", ResourceMatch.Prefix));
        await Assert.ThrowsAsync<MqException>(() => ReadDeadLetters());

        await Allow(new Need(AccessOperations.Browse, ResourceKind.Topic, "t"));
        await ReadDeadLetters();

        async Task ReadDeadLetters()
        {
            using var read = await Annas.Read(new ReadRequest { Partitions = [new PartitionCursor("t.g.dlq", 0, 0)], MinBytes = 0 });
            if (read.Partitions[0].Error is { } error)
                throw new MqException(error);
        }
    }

    [Fact]
    public async Task OfAReadOfSeveralTopicsEachIsAllowedOrRefusedByItself()
    {
        await _broker.PutTopic("secret", new TopicChange());
        await _broker.Publish("t", [Message.OfText("seen")]);
        await _broker.Publish("secret", [Message.OfText("unseen")]);
        await Allow(new Need(AccessOperations.Consume, ResourceKind.Topic, "t"));

        using var read = await Annas.Read(new ReadRequest { Partitions = [new PartitionCursor("secret", 0, 0), new PartitionCursor("t", 0, 0), new PartitionCursor("nowhere", 0, 0)] });

        Assert.Equal([ErrorCodes.Forbidden, null, ErrorCodes.Forbidden], read.Partitions.Select(one => one.Error?.Code));
        Assert.Equal(["secret", "t", "nowhere"], read.Partitions.Select(one => one.Topic.Text));
        Assert.True(read.Partitions[1].Batches.Length > 0);
    }

    /// <summary>The producer's id is a number that anybody may guess.</summary>
    [Fact]
    public async Task ABatchOfATransactionIsLetInByTheRightToTheIdThatOpensIt()
    {
        var transactions = _broker.Transactions;
        var producer = await transactions.Open("tx", TimeSpan.FromMinutes(1));
        await transactions.AddPartitions("tx", producer, [new TransactionPartition("t", 0)]);
        var builder = new RecordBatchBuilder(100) { IsTransactional = true };
        MessageCodec.Append(builder, Message.OfText("x"), 0);
        var request = new AppendRequest { Topic = "t", Partition = 0, Batch = builder.Build(producerId: producer.Id, producerEpoch: producer.Epoch, baseSequence: 0).ToArray() };
        await Allow(new Need(AccessOperations.Produce, ResourceKind.Topic, "t"));

        foreach (var refused in new[] { request, request with { TransactionalId = "tx" } })
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await Annas.Append(refused))).Code);
        await Allow(new Need(AccessOperations.Produce, ResourceKind.Producer, "tx"));

        Assert.Equal(0, (await Annas.Append(request with { TransactionalId = "tx" })).BaseOffset);
    }

    [Fact]
    public async Task ATeamsRuleIsForItsMembersWhileTheyAreIn()
    {
        await _control.Directory.AddRule(new AccessRule(SubjectKind.Team, "ops", AccessOperations.Describe, ResourceKind.Topic, ResourceMatch.Pattern, "*"));
        var annas = Annas;
        Assert.False(annas.May(AccessOperations.Describe, ResourceKind.Topic, "t"));

        await _control.Directory.PutUser("anna", new UserChange { Teams = ["ops"] });
        Assert.True(annas.May(AccessOperations.Describe, ResourceKind.Topic, "t"));

        await _control.Directory.PutUser("anna", new UserChange { Teams = [] });
        Assert.False(annas.May(AccessOperations.Describe, ResourceKind.Topic, "t"));
    }

    [Fact]
    public async Task ATokenOrCertificateOfTheSameNameIsNotTheUser()
    {
        await Allow(new Need(AccessOperations.Describe, ResourceKind.Topic, "t"));

        Assert.False(_control.As(_broker, Principal.OfToken("anna", ["ops"])).May(AccessOperations.Describe, ResourceKind.Topic, "t"));
        Assert.False(_control.As(_broker, Principal.OfCertificate("admin")).May(AccessOperations.Describe, ResourceKind.Topic, "t"));
        await _control.Directory.AddRule(Some.Rule(AccessOperations.Describe, ResourceKind.Topic, "t", who: "jwt:anna"));
        Assert.True(_control.As(_broker, Principal.OfToken("anna", [])).May(AccessOperations.Describe, ResourceKind.Topic, "t"));
    }

    [Fact]
    public async Task EveryoneMaySetTheirOwnPasswordAndNothingElse()
    {
        await Annas.Access.PutUser("anna", new UserChange { Password = "quite another one" });
        Assert.NotNull(await _control.CheckPassword("anna", "quite another one"));

        foreach (var (user, change) in new[]
        {
            ("anna", new UserChange { Password = "quite another one", Teams = ["ops"] }), ("anna", new UserChange { Disabled = false }), ("admin", new UserChange { Password = "quite another one" }),
        })
            Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(async () => await Annas.Access.PutUser(user, change))).Code);
    }

    [Fact]
    public async Task ALookAtTheRulesAllocatesNothing()
    {
        for (var i = 0; i < 200; i++)
            await _control.Directory.AddRule(Some.Rule(AccessOperations.Consume, ResourceKind.Topic, $"team{i}.", ResourceMatch.Prefix));
        await Allow(new Need(AccessOperations.Produce, ResourceKind.Topic, "t"));
        var annas = Annas;
        Assert.True(annas.May(AccessOperations.Produce, ResourceKind.Topic, "t"));

        var before = GC.GetAllocatedBytesForCurrentThread();
        var allowed = 0;
        for (var i = 0; i < 10_000; i++)
            allowed += annas.May(AccessOperations.Produce, ResourceKind.Topic, "t") ? 1 : 0;

        // What a method's first compilation takes is none of the look's.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000);
        Assert.Equal(10_000, allowed);
    }

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("a*c", "abbbc", true)]
    [InlineData("a*c", "abbb", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "ac", false)]
    [InlineData("*.eu.*", "orders.eu.paid", true)]
    [InlineData("*.eu.*", "orders.us.paid", false)]
    [InlineData("**a", "bba", true)]
    [InlineData("", "a", false)]
    public void APatternsStarIsAnyNumberOfCharacters(string pattern, string name, bool fits) => Assert.Equal(fits, Glob.Fits(pattern, name));
}

/// <summary>Notes which calls reach the broker behind the guard.</summary>
internal sealed class Listening
{
    private readonly List<string> _calls = [];

    public Listening(IBroker broker) => Broker = Proxy<IBroker>.Of(broker, (name, result) =>
    {
        _calls.Add(name);
        return result switch
        {
            IGroupCoordinator coordinator => Heard(coordinator),
            ITransactionCoordinator transactions => Heard(transactions),
            IWebhookDirectory webhooks => Heard(webhooks),
            _ => result,
        };
    });

    private T Heard<T>(T inner) where T : class => Proxy<T>.Of(inner, (name, result) =>
    {
        _calls.Add(name);
        return result;
    });

    public IBroker Broker { get; }

    public IReadOnlyList<string> Calls => [.. _calls.Where(name => !name.StartsWith("get_", StringComparison.Ordinal))];
}

/// <summary>Passes each call on, and its name and result by <c>seen</c>.</summary>
public class Proxy<T> : DispatchProxy where T : class
{
    private T _inner = null!;
    private Func<string, object?, object?> _seen = null!;

    public static T Of(T inner, Func<string, object?, object?> seen)
    {
        var proxy = Create<T, Proxy<T>>();
        ((Proxy<T>)(object)proxy)._inner = inner;
        ((Proxy<T>)(object)proxy)._seen = seen;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        _seen(targetMethod!.Name, targetMethod.Invoke(_inner, BindingFlags.DoNotWrapExceptions, null, args, null));
}

using OrleansMq.Records;

namespace OrleansMq.Access.Tests;

/// <summary>What a rule has to allow.</summary>
public readonly record struct Need(AccessOperations Operation, ResourceKind Kind, string Name)
{
    internal AccessRule Rule => Some.Rule(Operation, Kind, Name);
}

/// <summary>One call, and what it needs; without any one of its needs it is refused.</summary>
public sealed record GuardedCall(Type Of, string Method, Func<IBroker, Task> Call, params IReadOnlyList<Need> Needs)
{
    public override string ToString() => $"{Of.Name}.{Method}({string.Join(", ", Needs.Select(need => $"{need.Operation} {need.Kind}"))})";
}

/// <summary>Every call there is, on the topic t and the group g.</summary>
public static class GuardedCalls
{
    private static readonly Type Broker = typeof(IBroker), Coordinator = typeof(IGroupCoordinator), Directory = typeof(IAccessDirectory), Transactions = typeof(ITransactionCoordinator), Webhooks = typeof(IWebhookDirectory);
    private static readonly StartAt Start = StartAt.Earliest;

    private static Need Topic(AccessOperations operation) => new(operation, ResourceKind.Topic, "t");

    private static Need Group(AccessOperations operation) => new(operation, ResourceKind.Group, "g");

    private static Need Exchange(AccessOperations operation, string name = "x") => new(operation, ResourceKind.Exchange, name);

    private static readonly Need Transactional = new(AccessOperations.Produce, ResourceKind.Producer, "tx");

    private static readonly Need Admin = new(AccessOperations.Admin, ResourceKind.Cluster, "");

    private static readonly Need[] Consume = [Topic(AccessOperations.Consume), Group(AccessOperations.Consume)];

    private static readonly MemberRef Member = new("m", 1);

    /// <summary>Calls that whoever came in may make: their answers are filtered, which has stories of its own.</summary>
    public static readonly IReadOnlyList<(Type Of, string Method)> Filtered =
        [(Broker, nameof(IBroker.DescribeCluster)), (Broker, nameof(IBroker.ListTopics)), (Broker, nameof(IBroker.ListExchanges)), (Coordinator, nameof(IGroupCoordinator.List)),
            (Transactions, nameof(ITransactionCoordinator.List))];

    public static readonly IReadOnlyList<GuardedCall> All =
    [
        new(Broker, nameof(IBroker.PutTopic), async b => await b.PutTopic("new", new TopicChange()), new Need(AccessOperations.Create, ResourceKind.Topic, "new")),
        new(Broker, nameof(IBroker.PutTopic), async b => await b.PutTopic("t", new TopicChange()), Topic(AccessOperations.Alter)),
        new(Broker, nameof(IBroker.GrowTopic), async b => await b.GrowTopic("t", 1), Topic(AccessOperations.Alter)),
        new(Broker, nameof(IBroker.DescribeTopic), async b => await b.DescribeTopic("t"), Topic(AccessOperations.Describe)),
        new(Broker, nameof(IBroker.DeleteTopic), async b => await b.DeleteTopic("t"), Topic(AccessOperations.Delete)),
        new(Broker, nameof(IBroker.OpenProducer), async b => await b.OpenProducer("p"), new Need(AccessOperations.Produce, ResourceKind.Producer, "p")),
        new(Broker, nameof(IBroker.OpenProducer), async b => await b.OpenProducer(), Topic(AccessOperations.Produce)),
        new(Broker, nameof(IBroker.Publish), async b => await b.Publish("t", [Message.OfText("x")]), Topic(AccessOperations.Produce)),
        new(Broker, nameof(IBroker.Append), async b => await b.Append(new AppendRequest { Topic = "t", Partition = 0, Batch = Batch() }), Topic(AccessOperations.Produce)),
        new(Broker, nameof(IBroker.Append), async b => await b.Append(new AppendRequest { Topic = "t", Partition = 0, Batch = Batch(), TransactionalId = "tx" }), Topic(AccessOperations.Produce), new Need(AccessOperations.Produce, ResourceKind.Producer, "tx")),
        new(Broker, nameof(IBroker.Read), Read, Topic(AccessOperations.Consume)),
        new(Broker, nameof(IBroker.Read), Read, Topic(AccessOperations.Browse)),
        new(Broker, nameof(IBroker.Read), b => Read(b, "g"), Topic(AccessOperations.Browse), Group(AccessOperations.Describe)),
        new(Broker, nameof(IBroker.PutGroup), async b => await b.PutGroup("t", "g", new GroupChange { Filter = "TRUE" }), Topic(AccessOperations.Consume), Group(AccessOperations.Alter)),
        new(Broker, nameof(IBroker.FindOffset), async b => await b.FindOffset("t", 0, Start), Topic(AccessOperations.Describe)),
        new(Broker, nameof(IBroker.DeleteBefore), async b => await b.DeleteBefore("t", 0, 0), Topic(AccessOperations.Delete)),
        new(Broker, nameof(IBroker.PutGroup), async b => await b.PutGroup("t", "h", new GroupChange()), Topic(AccessOperations.Consume), new Need(AccessOperations.Create, ResourceKind.Group, "h")),
        new(Broker, nameof(IBroker.PutGroup), async b => await b.PutGroup("t", "g", new GroupChange()), Topic(AccessOperations.Consume), Group(AccessOperations.Alter)),
        new(Broker, nameof(IBroker.DescribeGroup), async b => await b.DescribeGroup("t", "g"), Topic(AccessOperations.Describe), Group(AccessOperations.Describe)),
        new(Broker, nameof(IBroker.DeleteGroup), async b => await b.DeleteGroup("t", "g"), Topic(AccessOperations.Describe), Group(AccessOperations.Delete)),
        new(Broker, nameof(IBroker.ListGroups), async b => await b.ListGroups("t"), Topic(AccessOperations.Describe)),
        new(Broker, nameof(IBroker.Receive), async b => await b.Receive("t", "g", new ReceiveRequest()), Consume),
        new(Broker, nameof(IBroker.Settle), async b => await b.Settle("t", "g", Settlement.Acknowledge()), Consume),
        new(Broker, nameof(IBroker.Join), async b => await b.Join("t", "g", "m", TimeSpan.FromSeconds(30)), Consume),
        new(Broker, nameof(IBroker.Heartbeat), async b => await b.Heartbeat("t", "g", "m", 1), Consume),
        new(Broker, nameof(IBroker.Leave), async b => await b.Leave("t", "g", "m"), Consume),
        new(Broker, nameof(IBroker.Commit), async b => await b.Commit("t", "g", new CommitRequest([])), Consume),
        new(Broker, nameof(IBroker.Seek), async b => await b.Seek("t", "g", SeekRequest.Everywhere(Start)), Topic(AccessOperations.Consume), Group(AccessOperations.Alter)),
        new(Broker, nameof(IBroker.Redrive), async b => await b.Redrive("t", "g", DeadLetterSelection.All), Topic(AccessOperations.Describe), Group(AccessOperations.Redrive)),
        new(Broker, nameof(IBroker.Redrive), async b => await b.Redrive("t", "g", DeadLetterSelection.All, Message.OfText("x")), Topic(AccessOperations.Produce), Group(AccessOperations.Redrive)),
        new(Broker, nameof(IBroker.Discard), async b => await b.Discard("t", "g", DeadLetterSelection.All), Topic(AccessOperations.Describe), Group(AccessOperations.Redrive)),
        new(Broker, nameof(IBroker.DescribeScheduled), async b => await b.DescribeScheduled("t", "x"), Topic(AccessOperations.Browse)),
        new(Broker, nameof(IBroker.DescribeScheduled), async b => await b.DescribeScheduled("t", "x"), Topic(AccessOperations.Consume)),
        new(Broker, nameof(IBroker.ListScheduled), async b => await b.ListScheduled("t"), Topic(AccessOperations.Browse)),
        new(Broker, nameof(IBroker.CancelScheduled), async b => await b.CancelScheduled("t", "x"), Topic(AccessOperations.Produce)),
        new(Broker, nameof(IBroker.EndHalf), async b => await b.EndHalf("t", "x", HalfState.Committed), Topic(AccessOperations.Produce)),
        new(Broker, nameof(IBroker.EndHalf), async b => await b.EndHalf("t", "x", HalfState.Committed, force: true), Topic(AccessOperations.Produce), Topic(AccessOperations.Alter)),
        new(Broker, nameof(IBroker.DescribeHalf), async b => await b.DescribeHalf("t", "x"), Topic(AccessOperations.Produce)),
        new(Broker, nameof(IBroker.ListHalf), async b => await b.ListHalf("t"), Topic(AccessOperations.Browse)),
        new(Broker, nameof(IBroker.CheckHalf), async b => await b.CheckHalf("t", "x"), Topic(AccessOperations.Produce)),
        new(Broker, nameof(IBroker.Reconcile), async b => await b.Reconcile("t", "g", new ReconcileRequest()), Topic(AccessOperations.Browse), Group(AccessOperations.Describe)),
        new(Broker, nameof(IBroker.Redeliver), async b => await b.Redeliver("t", "g", new RedeliverRequest()), Topic(AccessOperations.Describe), Group(AccessOperations.Redrive)),
        new(Broker, nameof(IBroker.Session), async b => await b.Session("t", "g", new SessionRequest("k"u8.ToArray())), Topic(AccessOperations.Consume), Group(AccessOperations.Consume)),
        new(Broker, nameof(IBroker.Trace), async b => await b.Trace("t", new TraceRequest { Token = "x" }), Topic(AccessOperations.Consume)),
        new(Broker, nameof(IBroker.Stages), async b => await b.Stages("t", "g", TimeSpan.FromHours(1)), Topic(AccessOperations.Describe), Group(AccessOperations.Describe)),

        new(Broker, nameof(IBroker.PutExchange), async b => await b.PutExchange("new", new ExchangeChange()), Exchange(AccessOperations.Create, "new")),
        new(Broker, nameof(IBroker.PutExchange), async b => await b.PutExchange("new", new ExchangeChange { Alternate = new ExchangeName("y") }), Exchange(AccessOperations.Create, "new"), Exchange(AccessOperations.Describe, "y")),
        new(Broker, nameof(IBroker.DescribeExchange), async b => await b.DescribeExchange("x"), Exchange(AccessOperations.Describe)),
        new(Broker, nameof(IBroker.DeleteExchange), async b => await b.DeleteExchange("x"), Exchange(AccessOperations.Delete)),
        new(Broker, nameof(IBroker.Bind), async b => await b.Bind("x", Binding.ToTopic("t")), Exchange(AccessOperations.Alter), Topic(AccessOperations.Describe)),
        new(Broker, nameof(IBroker.Unbind), async b => await b.Unbind("x", Binding.ToExchange("y")), Exchange(AccessOperations.Alter), Exchange(AccessOperations.Describe, "y")),
        new(Broker, nameof(IBroker.Route), async b => await b.Route("x", [new RoutingFacts("k", [])]), Exchange(AccessOperations.Produce)),

        new(Transactions, nameof(ITransactionCoordinator.Open), async b => await b.Transactions!.Open("tx", TimeSpan.FromMinutes(1)), Transactional),
        new(Transactions, nameof(ITransactionCoordinator.AddPartitions), AddPartitions, Transactional, Topic(AccessOperations.Produce)),
        new(Transactions, nameof(ITransactionCoordinator.AddOffsets), async b => await b.Transactions!.AddOffsets("tx", new ProducerIdentity(1, 0), "g", null, [new GroupOffset("t", 0, 0)]), [Transactional, .. Consume]),
        new(Transactions, nameof(ITransactionCoordinator.End), async b => await b.Transactions!.End("tx", new ProducerIdentity(1, 0), commit: true, newEpoch: true), Transactional),
        new(Transactions, nameof(ITransactionCoordinator.Pending), async b => await b.Transactions!.Pending("g"), Group(AccessOperations.Describe)),
        new(Transactions, nameof(ITransactionCoordinator.Abort), async b => await b.Transactions!.Abort("tx"), new Need(AccessOperations.Alter, ResourceKind.Producer, "tx")),

        new(Coordinator, nameof(IGroupCoordinator.Join), async b => await b.Coordinator!.Join("g", Joining), Group(AccessOperations.Consume)),
        new(Coordinator, nameof(IGroupCoordinator.Sync), async b => await b.Coordinator!.Sync("g", Member, []), Group(AccessOperations.Consume)),
        new(Coordinator, nameof(IGroupCoordinator.Heartbeat), async b => await b.Coordinator!.Heartbeat("g", Member), Group(AccessOperations.Consume)),
        new(Coordinator, nameof(IGroupCoordinator.Beat), async b => await b.Coordinator!.Beat("g", Beat), Group(AccessOperations.Consume), Topic(AccessOperations.Describe)),
        new(Coordinator, nameof(IGroupCoordinator.CheckEpoch), async b => await b.Coordinator!.CheckEpoch("g", Member), Group(AccessOperations.Describe)),
        new(Coordinator, nameof(IGroupCoordinator.DescribeAssigned), async b => await b.Coordinator!.DescribeAssigned("g"), Group(AccessOperations.Describe)),
        new(Coordinator, nameof(IGroupCoordinator.Leave), async b => await b.Coordinator!.Leave("g", [Member]), Group(AccessOperations.Consume)),
        new(Coordinator, nameof(IGroupCoordinator.Commit), Commit, Consume),
        new(Coordinator, nameof(IGroupCoordinator.Committed), async b => await b.Coordinator!.Committed("g"), Group(AccessOperations.Describe)),
        new(Coordinator, nameof(IGroupCoordinator.Describe), async b => await b.Coordinator!.Describe("g"), Group(AccessOperations.Describe)),
        new(Coordinator, nameof(IGroupCoordinator.Delete), async b => await b.Coordinator!.Delete("g"), Group(AccessOperations.Delete)),

        new(Directory, nameof(IAccessDirectory.PutUser), async b => await b.Access!.PutUser("bea", new UserChange { Password = Some.Password }), Admin),
        new(Directory, nameof(IAccessDirectory.DeleteUser), async b => await b.Access!.DeleteUser("bea"), Admin),
        new(Directory, nameof(IAccessDirectory.ListUsers), async b => await b.Access!.ListUsers(), Admin),
        new(Directory, nameof(IAccessDirectory.AddRule), async b => await b.Access!.AddRule(Topic(AccessOperations.Produce).Rule), Admin),
        new(Directory, nameof(IAccessDirectory.RemoveRule), async b => await b.Access!.RemoveRule(99), Admin),
        new(Directory, nameof(IAccessDirectory.SetQuota), async b => await b.Access!.SetQuota(QuotaScope.User, "bea", QuotaKind.RequestsPerSecond, 5), Admin),
        new(Directory, nameof(IAccessDirectory.ListQuotas), async b => await b.Access!.ListQuotas(), Admin),
        new(Directory, nameof(IAccessDirectory.ListRules), async b => await b.Access!.ListRules(), Admin),

        new(Webhooks, nameof(IWebhookDirectory.PutWebhook), async b => await b.Webhooks!.PutWebhook("t", "g", new WebhookChange { Url = new("https://hooks.example.com") }), Admin),
        new(Webhooks, nameof(IWebhookDirectory.DescribeWebhook), async b => await b.Webhooks!.DescribeWebhook("t", "g"), Admin),
        new(Webhooks, nameof(IWebhookDirectory.ListWebhooks), async b => await b.Webhooks!.ListWebhooks(), Admin),
        new(Webhooks, nameof(IWebhookDirectory.RemoveWebhook), async b => await b.Webhooks!.RemoveWebhook("t", "g"), Admin),
        new(Webhooks, nameof(IWebhookDirectory.TestWebhook), async b => await b.Webhooks!.TestWebhook("t", "g"), Admin),
    ];

    private static MemberBeat Beat => new() { Member = "m", Epoch = 0, Session = TimeSpan.FromSeconds(30), Rebalance = TimeSpan.FromSeconds(1), Topics = ["t"] };

    private static GroupJoin Joining => new() { Session = TimeSpan.FromSeconds(30), Rebalance = TimeSpan.FromSeconds(1), ProtocolType = "consumer", Protocols = [new GroupProtocol("range", default)] };

    // What is refused of a read or a commit is refused by itself.
    private static Task Read(IBroker broker) => Read(broker, null);

    private static async Task Read(IBroker broker, GroupName? group)
    {
        using var read = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("t", 0, 0)], MinBytes = 0, Group = group });
        if (read.Partitions[0].Error is { } error)
            throw new MqException(error);
    }

    private static async Task Commit(IBroker broker)
    {
        foreach (var error in await broker.Coordinator!.Commit("g", null, [new GroupOffset("t", 0, 0)]))
            if (error is not null)
                throw new MqException(error);
    }

    private static async Task AddPartitions(IBroker broker)
    {
        foreach (var error in await broker.Transactions!.AddPartitions("tx", new ProducerIdentity(1, 0), [new TransactionPartition("t", 0)]))
            if (error is not null)
                throw new MqException(error);
    }

    private static byte[] Batch()
    {
        var builder = new RecordBatchBuilder(100);
        MessageCodec.Append(builder, Message.OfText("x"), 0);
        return builder.Build().ToArray();
    }
}

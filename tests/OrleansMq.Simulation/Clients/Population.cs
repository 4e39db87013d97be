using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Clients;

/// <summary>The topics and groups of a world, who uses them, and how it all comes to rest.</summary>
internal sealed partial class Population(Desk desk)
{
    public const string Orders = "orders";
    public const string Ring = "ring";
    public const string Capped = "capped";
    public const string Later = "later";
    public const int LaterPartitions = 2;
    public const string Paid = "paid";
    public const int PaidPartitions = 2;
    public const string Raw = "raw";
    public const int RawPartitions = 2;

    /// <summary>Written to in transactions alone.</summary>
    public const string Made = "made";
    public const int MadePartitions = 3;

    /// <summary>Has groups with an order of their own.</summary>
    public const string Ranked = "ranked";
    public const string ByPriority = "prio";
    public const string Fair = "fair";

    /// <summary>By key, and keys wait for their dead letters.</summary>
    public const string Held = "held";

    /// <summary>Have a filter, the second by key too.</summary>
    public const string Filtered = "filtered";
    public const string FilteredByKey = "filteredkey";

    /// <summary>Grows.</summary>
    public const string Grown = "grown";
    public const string ByKey = "bykey";

    /// <summary>By key, and folds messages into states.</summary>
    public const string Folded = "folded";

    /// <summary>Is compacted.</summary>
    public const string Latest = "latest";

    /// <summary>Has ephemeral groups alone.</summary>
    public const string Air = "air";
    public const int AirPartitions = 2;

    private static readonly string[] OrderQueues = ["shared", "bykey", "solo"];

    /// <summary>Those without transactions.</summary>
    public static IReadOnlyList<(string Topic, int Partitions)> TopicsOf(WorldPlan plan) =>
    [
        .. plan.Others
            ? [(Orders, plan.OrdersPartitions), (Ring, plan.RingPartitions), (Capped, plan.CappedPartitions), (Later, LaterPartitions), (Paid, PaidPartitions)]
            : Array.Empty<(string, int)>(),
        .. plan.Transactions ? [(Raw, RawPartitions)] : Array.Empty<(string, int)>(),
        .. plan.Ranked ? [(Ranked, 1)] : Array.Empty<(string, int)>(),
        .. plan.Broadcast ? [(Air, AirPartitions)] : Array.Empty<(string, int)>(),
    ];

    private IReadOnlyList<(string Topic, string Group, int Partitions)> Queues { get; } =
        [.. OrderQueues.Select(group => (Orders, group, desk.Plan.OrdersPartitions)), (Ring, "tail", desk.Plan.RingPartitions)];

    /// <summary>Declares everything; repeated until it is there.</summary>
    public async Task Settle()
    {
        if (desk.Plan.Others)
            await SettleOthers();
        if (desk.Plan.Growth)
            await SettleGrown();
        if (desk.Plan.Ranked)
            await RankedClients.Settle(desk);
        if (desk.Plan.Compaction)
            await desk.Insist("put latest", broker => broker.PutTopic(Latest, new TopicChange { Compact = true, TokenAge = TimeSpan.FromDays(7) }));
        if (desk.Plan.Broadcast)
            await desk.Insist("put air", broker => broker.PutTopic(Air, new TopicChange { Partitions = AirPartitions, TokenAge = TimeSpan.FromDays(7) }));
        if (!desk.Plan.Transactions)
            return;
        await desk.Insist("put raw", broker => broker.PutTopic(Raw, new TopicChange { Partitions = RawPartitions, TokenAge = TimeSpan.FromDays(7) }));
        await desk.Insist("put made", broker => broker.PutTopic(Made, new TopicChange { Partitions = MadePartitions }));
        await desk.Insist("put etl", broker => broker.PutGroup(Raw, Transformer.Group, new GroupChange { Style = GroupStyle.Log }));
        await desk.Insist("put sink", broker => broker.PutGroup(Made, CommittedReader.Sink, new GroupChange { Lease = Worker.GroupLease, MaxDeliveries = 1_000 }));
    }

    private async Task SettleGrown()
    {
        await desk.Insist("put grown", broker => broker.PutTopic(Grown, new TopicChange { Partitions = desk.Plan.FirstPartitions, TokenAge = TimeSpan.FromDays(7) }));
        await desk.Insist("put grown bykey", broker => broker.PutGroup(Grown, ByKey, new GroupChange
        {
            ByKey = true,
            Lease = Worker.GroupLease,
            MaxDeliveries = 1_000,
            Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(500)]),
        }));
        await desk.Insist("put grown folded", broker => broker.PutGroup(Grown, Folded, new GroupChange
        {
            ByKey = true,
            SessionIdle = TimeSpan.FromSeconds(1),
            Lease = Worker.GroupLease,
            MaxDeliveries = 1_000,
            Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(500)]),
        }));
        await desk.Insist("put grown board", broker => broker.PutGroup(Grown, "board", new GroupChange { Style = GroupStyle.Log }));
    }

    private async Task SettleOthers()
    {
        var plan = desk.Plan;
        await desk.Insist("put orders", broker => broker.PutTopic(Orders, new TopicChange { Partitions = plan.OrdersPartitions, TokenAge = TimeSpan.FromDays(7) }));
        await desk.Insist("put ring", broker => broker.PutTopic(Ring, new TopicChange
        {
            Partitions = plan.RingPartitions,
            KeepUnsettled = false,
            TokenAge = TimeSpan.FromDays(7),
            RetentionBytes = 20_000,
            MaxMessages = 60,
            WhenFull = plan.Seed % 3 == 0 ? WhenFull.DropOldest : plan.Seed % 3 == 1 ? WhenFull.Wait : WhenFull.Refuse,
        }));
        await desk.Insist("put capped", broker => broker.PutTopic(Capped, new TopicChange { Partitions = plan.CappedPartitions, Admit = plan.Admit, TokenAge = TimeSpan.FromDays(7) }));
        await desk.Insist("put later", broker => broker.PutTopic(Later, new TopicChange { Partitions = LaterPartitions, TokenAge = TimeSpan.FromDays(7) }));
        await desk.Insist("put paid", broker => broker.PutTopic(Paid, new TopicChange { Partitions = PaidPartitions, TokenAge = TimeSpan.FromDays(7) }));
        var queue = new GroupChange
        {
            Lease = Worker.GroupLease,
            MaxDeliveries = plan.MaxDeliveries,
            Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(500)]),
            MaxInFlight = 200,
        };
        await desk.Insist("put shared", broker => broker.PutGroup(Orders, "shared", queue));
        await desk.Insist("put bykey", broker => broker.PutGroup(Orders, "bykey", queue with { ByKey = true }));
        await desk.Insist("put solo", broker => broker.PutGroup(Orders, "solo", queue with { MaxActive = 1 }));
        await desk.Insist("put board", broker => broker.PutGroup(Orders, "board", new GroupChange { Style = GroupStyle.Log }));
        await desk.Insist("put replay", broker => broker.PutGroup(Orders, "replay", new GroupChange { Style = GroupStyle.Log }));
        await desk.Insist("put tail", broker => broker.PutGroup(Ring, "tail", queue));
    }

    /// <summary>Everybody at work until the time is over.</summary>
    public Task Live()
    {
        var all = new List<Task>();
        if (desk.Plan.Others)
            LiveOthers(all);
        if (desk.Plan.Growth)
            LiveGrown(all);
        if (desk.Plan.Ranked)
            RankedClients.Live(desk, all);
        if (desk.Plan.Compaction)
            LiveLatest(all);
        if (desk.Plan.Broadcast)
            Listener.Live(desk, all);
        if (desk.Plan.Transactions)
        {
            all.Add(Publisher.Live(desk, Raw, "rawpub", 500));
            for (var p = 0; p < RawPartitions; p++)
                for (var i = 0; i < 2; i++)
                    all.Add(new Transformer(desk, p, $"transformer{p}{i}").Live());
            all.Add(CommittedReader.Live(desk));
            all.Add(CommittedReader.Drink(desk));
        }

        return Task.WhenAll(all);
    }

    private void LiveGrown(List<Task> all)
    {
        all.Add(Grower.Live(desk, Grown, desk.Plan.FirstPartitions));
        for (var i = 0; i < 2; i++)
        {
            all.Add(KeyedPublisher.Live(desk, Grown, $"keyed{i}"));
            all.Add(NativeProducer.Live(desk, Grown, $"native{i}"));
            all.Add(new Worker(desk, Grown, ByKey, $"grown{i}").Live());
            all.Add(new Worker(desk, Grown, Folded, $"fold{i}", folds: true).Live());
            all.Add(Member.Live(desk, Grown, "board", $"grownmember{i}"));
        }
    }

    private void LiveLatest(List<Task> all)
    {
        for (var i = 0; i < 3; i++)
            all.Add(KeyedPublisher.Live(desk, Latest, $"latest{i}"));
        all.Add(Reader.Live(desk, [new Place(Latest, 0)]));
    }

    private void LiveOthers(List<Task> all)
    {
        var plan = desk.Plan;
        for (var i = 0; i < plan.Publishers; i++)
        {
            all.Add(Publisher.Live(desk, Orders, $"pub{i}"));
            all.Add(Publisher.Live(desk, Ring, $"ringpub{i}", 250));
            all.Add(Publisher.Live(desk, Capped, $"capped{i}", 800));
        }

        for (var i = 0; i < plan.Appenders; i++)
            all.Add(Appender.Live(desk, new Place(Orders, i % plan.OrdersPartitions), $"app{i}"));
        all.Add(Appender.Live(desk, new Place(Ring, 0), "ringapp"));
        for (var i = 0; i < plan.Consumers; i++)
        {
            foreach (var group in OrderQueues)
                all.Add(new Worker(desk, Orders, group, $"{group}{i}", upTo: group == "solo").Live());
            all.Add(Member.Live(desk, Orders, "board", $"member{i}"));
        }

        all.Add(new Worker(desk, Ring, "tail", "tail0").Live());
        all.Add(Replayer.Live(desk, Orders, "replay", plan.OrdersPartitions));
        foreach (var group in OrderQueues)
            all.Add(Undertaker.Live(desk, Orders, group, plan.OrdersPartitions));
        all.Add(Reader.Live(desk, Places()));
        all.Add(Scheduler.Live(desk, Later, "later"));
        all.Add(HalfProducer.Live(desk, Paid, "half"));
        all.Add(HalfProducer.Answer(desk, Paid));
        all.Add(Churner.Live(desk, "temp"));
        all.Add(Caretaker.Live(desk, Ring, plan.RingPartitions));
    }

    /// <summary>Fills the capped topic, drains the queues, and reads what is left.</summary>
    public async Task ComeToRest()
    {
        if (desk.Plan.Others)
            await OthersComeToRest();
        if (desk.Plan.Growth)
        {
            await Drain(Grown, ByKey, int.MaxValue);
            await Drain(Grown, Folded, int.MaxValue);
        }

        if (desk.Plan.Ranked)
            await RankedClients.ComeToRest(desk, () => Drain(Ranked, Held, 1, TimeSpan.FromSeconds(20)));
        foreach (var group in RankedClients.GroupsOf(desk.Plan))
            await Drain(Ranked, group, 1);
        if (desk.Plan.Broadcast)
            await Listener.ComeToRest(desk);
        if (!desk.Plan.Transactions)
            return;
        for (var p = 0; p < RawPartitions; p++)
            await new Transformer(desk, p, "last").ComeToRest();
        await CommittedReader.ComeToRest(desk);
    }

    private async Task OthersComeToRest()
    {
        for (var p = 0; p < desk.Plan.CappedPartitions; p++)
            await FillCapped();
        await Scheduler.ComeToRest(desk, Later);
        await HalfProducer.ComeToRest(desk, Paid);
        foreach (var (topic, group, partitions) in Queues)
            await Drain(topic, group, partitions);
    }

    private List<Place> Places() => [.. TopicsOf(desk.Plan).SelectMany(topic => Enumerable.Range(0, topic.Partitions).Select(p => new Place(topic.Topic, p)))];

    /// <summary>One by one, until the cap says no.</summary>
    private async Task FillCapped()
    {
        for (var tries = 0; tries < 3 * desk.Plan.Admit + 20; tries++)
        {
            var reply = await desk.Publish(Capped, [desk.NewMessage(Capped, null, null)]);
            if (reply.Code == ErrorCodes.AdmissionClosed)
                return;
            if (!reply.IsOk)
                await desk.Pause(300);
        }
    }

    private async Task Drain(string topic, string group, int partitions, TimeSpan? limit = null)
    {
        // The active one may have been another: it counts as there for some seconds.
        var worker = new Worker(desk, topic, group, "drain", folds: group == Folded);
        // Of rounds that bring nothing: a key's messages come one by one, and there may be a thousand.
        var patience = limit ?? TimeSpan.FromMinutes(3);
        var gaveUpAt = desk.World.Elapsed + patience;
        while (desk.World.Elapsed < gaveUpAt)
        {
            if (await worker.DrainSome() > 0)
                gaveUpAt = desk.World.Elapsed + patience;
            else if (await desk.Describe(topic, group) is { } described && described.Partitions.Take(partitions).All(p => p is { Error: null, Lag: 0, InFlight: 0 }))
                return;
            await desk.Pause(20);
        }
    }
}

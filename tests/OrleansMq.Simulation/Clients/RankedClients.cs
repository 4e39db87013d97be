using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Clients;

/// <summary>A topic of one partition whose groups deliver by priority, fairly, both by key, and through a filter; its publishers flood it now and then with one key.</summary>
internal static class RankedClients
{
    /// <summary>Of the groups that have one; <see cref="Matches"/> says the same.</summary>
    private const string Filter = "mq.priority > 5 OR mq.key IN ('k0', 'k1')";

    public static IReadOnlyList<string> GroupsOf(WorldPlan plan) =>
        plan.Ranked ? [Population.ByPriority, Population.Fair, Population.ByKey, Population.Held, Population.Folded, Population.Filtered, Population.FilteredByKey] : [];

    /// <summary>Whether a message is one for a group of this name.</summary>
    public static bool Matches(string group, History history, string uid) =>
        group is not (Population.Filtered or Population.FilteredByKey)
        || (history.Sent[uid].Priority ?? Message.DefaultPriority) > 5 || history.Sent[uid].Key is "k0" or "k1";

    public static async Task Settle(Desk desk)
    {
        await desk.Insist("put ranked", broker => broker.PutTopic(Population.Ranked, new TopicChange { Partitions = 1, TokenAge = TimeSpan.FromDays(7) }));
        var queue = new GroupChange
        {
            Lease = Worker.GroupLease,
            MaxDeliveries = desk.Plan.MaxDeliveries,
            Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(500)]),
        };
        await desk.Insist("put ranked prio", broker => broker.PutGroup(Population.Ranked, Population.ByPriority, queue with { Priority = true }));
        await desk.Insist("put ranked fair", broker => broker.PutGroup(Population.Ranked, Population.Fair, queue with { FairBy = FairBy.Key }));
        await desk.Insist("put ranked bykey", broker => broker.PutGroup(Population.Ranked, Population.ByKey, queue with { ByKey = true, Priority = true, FairBy = FairBy.Key }));
        await desk.Insist("put ranked held", broker => broker.PutGroup(Population.Ranked, Population.Held, queue with { ByKey = true, HoldKeyBehindDeadLetter = true }));
        await desk.Insist("put ranked folded", broker => broker.PutGroup(Population.Ranked, Population.Folded, queue with { ByKey = true, SessionIdle = TimeSpan.FromSeconds(1) }));
        await desk.Insist("put ranked filtered", broker => broker.PutGroup(Population.Ranked, Population.Filtered, queue with { Filter = Filter }));
        await desk.Insist("put ranked filteredkey", broker => broker.PutGroup(Population.Ranked, Population.FilteredByKey, queue with { ByKey = true, Filter = Filter }));
    }

    public static void Live(Desk desk, List<Task> all)
    {
        all.Add(Publish(desk));
        all.Add(Publisher.Live(desk, Population.Ranked, "rankedpub", 400));
        all.Add(Undertaker.Live(desk, Population.Ranked, Population.Held, 1));
        all.Add(Undertaker.Live(desk, Population.Ranked, Population.Folded, 1));
        foreach (var group in GroupsOf(desk.Plan))
            for (var i = 0; i < 2; i++)
                all.Add(new Worker(desk, Population.Ranked, group, $"ranked{group}{i}", folds: group == Population.Folded).Live());
    }

    /// <summary>Keys go on when their letters are thrown away; what is drained may leave new ones.</summary>
    public static async Task ComeToRest(Desk desk, Func<Task> drain)
    {
        for (var rounds = 0; rounds < 20; rounds++)
        {
            await drain();
            if (await Undertaker.Browse(desk, new GroupPlace(Population.Ranked, Population.Held, 0)) is not { } letters)
                continue;
            if (letters.Count == 0)
                return;
            await Undertaker.Move(desk, letters, redrive: false);
        }
    }

    private static async Task Publish(Desk desk)
    {
        while (!desk.IsOver)
        {
            await desk.Pause(300);
            var flood = desk.World.Chance(0.1) ? desk.RandomKey() : null;
            var count = desk.World.Random.Next(1, flood is null ? 5 : 40);
            var messages = new List<Sent>();
            for (var i = 0; i < count; i++)
                messages.Add(desk.NewMessage(Population.Ranked, flood ?? (desk.World.Chance(0.9) ? desk.RandomKey() : null), null, priority: desk.World.Chance(0.8) ? desk.World.Random.Next(10) : null));
            await desk.Publish(Population.Ranked, messages);
        }
    }
}

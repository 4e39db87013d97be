using System.Text;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>What is there at the end.</summary>
internal sealed partial class Population
{
    /// <summary>Reads everything with fresh eyes.</summary>
    public async Task Audit()
    {
        foreach (var place in Places())
            await ReadAll(place);
        if (desk.Plan.Transactions)
            await AuditTransactions();
        if (desk.Plan.Others)
            await AuditOthers();
        if (desk.Plan.Growth)
            await AuditGrown();
        foreach (var group in RankedClients.GroupsOf(desk.Plan))
            await AuditQueue(Ranked, group, 1);
        if (desk.Plan.Ranked)
            await AuditStates(Ranked);
        if (desk.Plan.Compaction)
            await ReadAll(new Place(Latest, 0));
    }

    private async Task AuditGrown()
    {
        var described = await desk.Link.Ask(desk.NewCall($"describe topic {Grown}"), broker => broker.DescribeTopic(Grown));
        var counts = desk.History.Counts;
        // The first number is there without a growth; the last asked for may have had no answer.
        if (!described.IsOk || !counts.Skip(desk.History.Growths).Contains(described.Value!.Partitions.Count))
        {
            desk.History.Violate("not served", $"{Grown} has {described.Value?.Partitions.Count} partitions at the end ({described.Code}); {desk.History.Growths} growths were answered of {string.Join(", ", counts)}.");
            return;
        }

        for (var p = 0; p < described.Value.Partitions.Count; p++)
            await ReadAll(new Place(Grown, p));
        await AuditQueue(Grown, ByKey, described.Value.Partitions.Count);
        await AuditQueue(Grown, Folded, described.Value.Partitions.Count);
        await AuditStates(Grown);
        await desk.Describe(Grown, "board");
    }

    private async Task AuditStates(string topic)
    {
        for (var i = 0; i < desk.Plan.Keys; i++)
        {
            var key = $"k{i}";
            var found = await desk.Link.Ask(desk.NewCall($"state of {key} in {topic}"), broker => broker.Session(topic, Folded, new SessionRequest(Encoding.UTF8.GetBytes(key))));
            if (found.IsOk)
                desk.History.FinalStates[(topic, key)] = Encoding.UTF8.GetString(found.Value!.State.Span);
            else
                desk.History.Violate("not served", $"the state of {key} in {topic} can't be had after everything healed: {found.Code}.");
        }
    }

    private async Task AuditQueue(string topic, string group, int partitions)
    {
        var described = await desk.Describe(topic, group);
        for (var p = 0; p < partitions; p++)
        {
            var at = new GroupPlace(topic, group, p);
            if (await Undertaker.Browse(desk, at) is { } letters)
                desk.History.FinalLetters[at] = letters;
            if (described is not null)
                desk.History.FinalGroups[at] = described.Partitions[p];
        }
    }

    private async Task AuditTransactions()
    {
        for (var p = 0; p < MadePartitions; p++)
            await CommittedReader.Audit(desk, new Place(Made, p));
        if (await desk.Describe(Raw, Transformer.Group) is { } described)
            for (var p = 0; p < RawPartitions; p++)
                desk.History.TransformedUpTo[new Place(Raw, p)] = described.Partitions[p].Cursor;
        else
            desk.History.Violate("not served", $"group {Transformer.Group} of {Raw} can't be described after everything healed.");
    }

    private async Task AuditOthers()
    {
        for (var p = 0; p < LaterPartitions; p++)
            await Scheduler.CheckTimes(desk, new Place(Later, p));
        foreach (var (topic, group, partitions) in Queues)
            await AuditQueue(topic, group, partitions);

        await desk.Describe(Orders, "board");
        await desk.Describe(Orders, "replay");
    }

    private async Task ReadAll(Place place)
    {
        var found = await desk.Link.Ask(desk.NewCall($"find start of {place}"), broker => broker.FindOffset(place.Topic, place.Partition, StartAt.Earliest));
        if (!found.IsOk)
        {
            desk.History.Violate("not served", $"{place} can't be read after everything healed: {found.Code}.");
            return;
        }

        FinalLog? log = null;
        for (var next = found.Value; ;)
        {
            var (reply, start, end) = await desk.Read(place, next, 10_000);
            if (!reply.IsOk)
            {
                desk.History.Violate("not served", $"{place} can't be read at {next} after everything healed: {reply.Code}.");
                return;
            }

            log ??= desk.History.Final[place] = new FinalLog { Start = start, End = end };
            if (reply.Value!.Count == 0)
                return;
            foreach (var (offset, uid, key, token) in reply.Value)
            {
                if (offset < next)
                    continue;
                log.Order.Add(offset);
                log.Records[offset] = (uid, key, token);
            }

            next = reply.Value[^1].Offset + 1;
        }
    }
}

using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>Joins a topic with an ephemeral group, listens, is away for a while now and then, and goes without a word; then it comes back as another.</summary>
internal sealed class Listener(Desk desk, string name)
{
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(2);
    private int _lives;

    public static void Live(Desk desk, List<Task> all)
    {
        all.Add(Publisher.Live(desk, Population.Air, "airpub", 300));
        for (var i = 0; i < 3; i++)
            all.Add(new Listener(desk, $"listener{i}").Live());
    }

    /// <summary>One more listens; the groups of all others go by themselves, and its own when it is silent.</summary>
    public static async Task ComeToRest(Desk desk)
    {
        var last = new Listener(desk, "last");
        if (await last.Join(until: TimeSpan.FromMinutes(5)) is not { } listening)
        {
            desk.History.Violate("not served", $"no ephemeral group could be made at {Population.Air} after everything healed.");
            return;
        }

        await desk.Publish(Population.Air, [desk.NewMessage(Population.Air, null, null)]);
        await last.Leave(listening);
        if (listening.DrainedAt is null)
            desk.History.Violate("not served", $"{listening.Group} could not be read to its end after everything healed.");
        await GroupsGo(desk, [listening.Group], () => last.Receive(listening));
        await GroupsGo(desk, [], () => desk.Pause(200));
    }

    private static async Task GroupsGo(Desk desk, IReadOnlyList<string> expected, Func<Task> meanwhile)
    {
        IReadOnlyList<string> left = [];
        for (var gaveUpAt = desk.World.Elapsed + Idle * 20; desk.World.Elapsed < gaveUpAt;)
        {
            var reply = await desk.Link.Ask(desk.NewCall($"list groups of {Population.Air}"), broker => broker.ListGroups(Population.Air));
            if (reply.IsOk && (left = [.. reply.Value!.Items.Select(group => group.Text)]).SequenceEqual(expected))
                return;
            await meanwhile();
        }

        desk.History.Violate("broadcast left", $"{Population.Air} has the groups {string.Join(", ", left)} and should have {string.Join(", ", expected)}.");
    }

    private async Task Live()
    {
        while (!desk.IsOver)
        {
            if (await Join(TimeSpan.Zero) is { } listening)
                await Listen(listening);
        }
    }

    /// <param name="until">How long it tries also behind the end.</param>
    private async Task<Listening?> Join(TimeSpan until)
    {
        var group = $"{name}-{++_lives}";
        long? asked = null;
        for (var gaveUpAt = desk.World.Elapsed + until; !desk.IsOver || desk.World.Elapsed < gaveUpAt;)
        {
            var call = desk.NewCall($"join {Population.Air} {group}");
            asked ??= call.Invoked;
            var usedAt = TimeSpan.Zero;
            var reply = await desk.Link.Ask(
                call,
                broker => broker.PutGroup(Population.Air, group, new GroupChange { From = StartAt.Latest, DeleteAfterIdle = (TimeSpan?)Idle, Lease = Worker.GroupLease, MaxDeliveries = 1_000 }),
                _ => usedAt = desk.World.Elapsed);
            if (reply.IsOk)
            {
                var listening = new Listening { Group = group, Id = reply.Value!.Id, Idle = Idle, Asked = asked.Value, Joined = call.Answered, UsedAt = usedAt };
                desk.History.Listenings.Add(listening);
                return listening;
            }

            await desk.Pause(200);
        }

        return null;
    }

    private async Task Listen(Listening listening)
    {
        while (!desk.IsOver && !desk.World.Chance(0.02))
        {
            if (desk.World.Chance(0.04))
                await desk.Pause(2_000);
            if (!await Receive(listening))
                return;
        }

        await Leave(listening);
    }

    /// <summary>Reads what is there, and goes without a word.</summary>
    private async Task Leave(Listening listening)
    {
        for (var gaveUpAt = desk.World.Elapsed + TimeSpan.FromSeconds(30); desk.World.Elapsed < gaveUpAt;)
        {
            if (!await Receive(listening))
                return;
            var call = desk.NewCall($"describe {Population.Air} {listening.Group}");
            var reply = await desk.Link.Ask(call, broker => broker.DescribeGroup(Population.Air, listening.Group));
            // One that was taken over does not know what is there now.
            if (reply.IsOk && call.Process is { IsTakenOver: false } && reply.Value!.Id == listening.Id && reply.Value.Partitions.All(partition => partition is { Error: null, Lag: 0 }))
            {
                listening.DrainedAt = call.Invoked;
                return;
            }
        }
    }

    /// <returns>False: the group is gone.</returns>
    private async Task<bool> Receive(Listening listening)
    {
        var request = new ReceiveRequest { Max = desk.World.Random.Next(1, 9), Wait = desk.World.Random.Next(3) * TimeSpan.FromMilliseconds(1_500), Consumer = name, GroupId = listening.Id };
        var call = desk.NewCall($"listen {Population.Air} {listening.Group} max {request.Max}");
        var reply = await desk.Link.Ask(call, broker => broker.Receive(Population.Air, listening.Group, request), deliveries => Note(listening, call, deliveries));
        if (reply.Code == ErrorCodes.GroupUnknown)
        {
            listening.GoneAt = desk.World.Elapsed;
            return false;
        }

        if (reply is { IsOk: true, Value.Count: > 0 })
            await desk.Link.Ask(
                desk.NewCall($"acknowledge {Population.Air} {listening.Group}"),
                broker => broker.Settle(Population.Air, listening.Group, Settlement.Acknowledge([.. reply.Value.Select(delivery => delivery.Lease)])));
        else
            await desk.Pause(100);
        return true;
    }

    private void Note(Listening listening, Call call, IReadOnlyList<Delivery> deliveries)
    {
        // Who took it over knows nothing of a use there.
        if (call.Process is { IsTakenOver: false })
            listening.UsedAt = desk.World.Elapsed;
        foreach (var delivery in deliveries)
        {
            var uid = Desk.UidOf(delivery.Body.Span);
            desk.History.Note($"  {listening.Group} got {uid} at {delivery.Position}");
            listening.Got[uid] = delivery.Position;
        }
    }
}

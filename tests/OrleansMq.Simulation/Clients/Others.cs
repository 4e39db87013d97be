using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>Reads anywhere, from offsets and times, and asks where things stand.</summary>
internal static class Reader
{
    public static async Task Live(Desk desk, IReadOnlyList<Place> places)
    {
        while (!desk.IsOver)
        {
            await desk.Pause(300);
            var place = places[desk.World.Random.Next(places.Count)];
            var call = desk.NewCall($"describe topic {place.Topic}");
            var described = await desk.Link.Ask(call, broker => broker.DescribeTopic(place.Topic), topic =>
            {
                foreach (var partition in topic.Partitions)
                    if (partition.Error is null)
                        desk.History.Bounds.Add(new Bounds(call, new Place(place.Topic, partition.Partition), partition.Start, partition.End));
            });
            if (!described.IsOk || described.Value!.Partitions[place.Partition] is not { Error: null } at)
                continue;
            var from = at.Start + desk.World.Random.NextInt64(Math.Max(1, at.End - at.Start + 1));
            await desk.Read(place, from, desk.World.Chance(0.5) ? 1 : 20_000, desk.World.Chance(0.3) ? TimeSpan.FromSeconds(1) : default);
        }
    }
}

/// <summary>Creates a topic, uses it, deletes it, and creates it again under its name: nothing of the old one may be there.</summary>
internal static class Churner
{
    public static async Task Live(Desk desk, string topic)
    {
        for (var round = 0; !desk.IsOver; round++)
        {
            await desk.Insist($"put topic {topic}", broker => broker.PutTopic(topic, new TopicChange { Partitions = 1 }));
            await desk.Insist($"put group {topic}", broker => broker.PutGroup(topic, "g", new GroupChange()));
            for (var i = 0; i < 3; i++)
            {
                await desk.Publish(topic, [desk.NewMessage(topic, $"round{round}", null)]);
                await desk.Pause(200);
            }

            // Not settled, and soon free again: were the topic still there in the next round, they would come back.
            var received = await desk.Link.Ask(
                desk.NewCall($"receive {topic}"), broker => broker.Receive(topic, "g", new ReceiveRequest { Max = 10, Lease = TimeSpan.FromSeconds(1), Consumer = "churner" }));
            foreach (var delivery in received.Value ?? [])
                if (delivery.KeyText != $"round{round}")
                    desk.History.Violate("deleted topic", $"{topic}: a message of {delivery.KeyText} was delivered in round {round}.");
            await desk.Insist($"delete topic {topic}", async broker =>
            {
                try
                {
                    await broker.DeleteTopic(topic);
                }
                catch (MqException gone) when (gone.Code == ErrorCodes.TopicUnknown)
                {
                    // An earlier try did it, and its answer was lost.
                }

                return true;
            });
            await desk.Pause(1_000);
        }
    }
}

/// <summary>Removes the beginning of a topic now and then, and changes settings of groups.</summary>
internal static class Caretaker
{
    public static async Task Live(Desk desk, string topic, int partitions)
    {
        while (!desk.IsOver)
        {
            await desk.Pause(1_500);
            var place = new Place(topic, desk.World.Random.Next(partitions));
            var (reply, start, end) = await desk.Read(place, 0, 1);
            if (reply.Code == ErrorCodes.OffsetOutOfRange || !reply.IsOk)
            {
                var found = await desk.Link.Ask(desk.NewCall($"find start of {place}"), broker => broker.FindOffset(topic, place.Partition, StartAt.Earliest));
                if (!found.IsOk)
                    continue;
                (start, end) = (found.Value, found.Value + 5);
            }

            var before = start + desk.World.Random.NextInt64(Math.Max(1, end - start + 1));
            await desk.Link.Ask(desk.NewCall($"delete {place} before {before}"), broker => broker.DeleteBefore(topic, place.Partition, before));
        }
    }
}

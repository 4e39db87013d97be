using OrleansMq.Records;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>Sends messages for later and for now, sends again what got no answer, takes some back, and looks at what waits.</summary>
internal static class Scheduler
{
    public static async Task Live(Desk desk, string topic, string name)
    {
        var sent = new List<Sent>();
        for (var n = 0; !desk.IsOver; n++)
        {
            await desk.Pause(200);
            var messages = Enumerable.Range(0, desk.World.Random.Next(1, 6)).Select(i => desk.NewMessage(topic, desk.World.Chance(0.5) ? desk.RandomKey() : null, $"{name}-{n}-{i}", after: After(desk))).ToList();
            var reply = await desk.Publish(topic, messages);
            for (var tries = 0; tries < 20 && !desk.IsOver && !reply.IsOk; tries++)
            {
                await desk.Pause(200);
                reply = await desk.Publish(topic, messages);
            }

            sent.AddRange(messages);
            if (desk.World.Chance(0.3))
                await Cancel(desk, topic, sent[desk.World.Random.Next(sent.Count)]);
            if (desk.World.Chance(0.2))
                await desk.Link.Ask(desk.NewCall($"list what waits in {topic}"), broker => broker.ListScheduled(topic, max: 50));
        }
    }

    /// <summary>Waits until nothing waits any more.</summary>
    public static async Task ComeToRest(Desk desk, string topic)
    {
        var patience = desk.World.Elapsed + TimeSpan.FromMinutes(5);
        while (desk.World.Elapsed < patience)
        {
            var reply = await desk.Link.Ask(desk.NewCall($"list what waits in {topic}"), broker => broker.ListScheduled(topic, max: 1));
            if (reply.IsOk && reply.Value!.Items.Count == 0)
                return;
            await desk.Pause(2_000);
        }

        desk.History.Violate("delayed stuck", $"{topic}: messages wait still, minutes after the last was due.");
    }

    /// <summary>By the frames' own times: what was appended before a message's time stands before it.</summary>
    public static async Task CheckTimes(Desk desk, Place place)
    {
        var offset = 0L;
        var times = await desk.Link.Ask(desk.NewCall($"read times of {place}"), async broker =>
        {
            var found = new List<(long Offset, DateTimeOffset At)>();
            while (true)
            {
                using var read = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(place.Topic, place.Partition, offset)], MinBytes = 0 });
                if (read.Partitions[0].Error is not null || read.Partitions[0].Batches.IsEmpty)
                    return found;
                foreach (var batch in new RecordBatchReader(read.Partitions[0].Batches))
                    foreach (var record in batch.Records())
                    {
                        if (record.Offset >= offset && MessageCodec.Decode(place.Partition, record).DeliverAt is { } at)
                            found.Add((record.Offset, at));
                        offset = Math.Max(offset, record.Offset + 1);
                    }
            }
        });
        foreach (var (at, due) in times.Value ?? [])
        {
            var first = await desk.Link.Ask(desk.NewCall($"find {due:O} in {place}"), broker => broker.FindOffset(place.Topic, place.Partition, StartAt.Time(due)));
            if (first.IsOk && first.Value > at)
                desk.History.Violate("early", $"{place}:{at} was to be delivered at {due:O}, and stands before offset {first.Value}, the first from then on.");
        }
    }

    private static TimeSpan? After(Desk desk) => desk.World.Random.Next(5) switch
    {
        0 => null,
        1 => TimeSpan.FromMilliseconds(desk.World.Random.Next(1, 50)),
        2 => TimeSpan.FromMilliseconds(1_000),
        3 => TimeSpan.FromMilliseconds(desk.World.Random.Next(60_000)),
        _ => desk.World.About(TimeSpan.FromSeconds(3)),
    };

    private static async Task Cancel(Desk desk, string topic, Sent sent)
    {
        var call = desk.NewCall($"cancel {sent.Uid}({sent.Token}) in {topic}");
        desk.History.Cancelled.Add((sent, call));
        await desk.Link.Ask(call, async broker =>
        {
            await broker.CancelScheduled(topic, sent.Token!);
            return true;
        });
    }
}

using OrleansMq.Records;
using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Clients;

/// <summary>Reads what is committed of the partitions with transactions, from anywhere; and takes from them as a queue.</summary>
internal static class CommittedReader
{
    public const string Sink = "sink";

    public static async Task Live(Desk desk)
    {
        while (!desk.IsOver)
        {
            await desk.Pause(300);
            var place = new Place(Population.Made, desk.World.Random.Next(Population.MadePartitions));
            var known = desk.History.CommittedReads.FindLast(read => read.Place == place)?.Stable ?? 0;
            await Read(desk, place, desk.World.Random.NextInt64(known + 1), desk.World.Chance(0.3) ? TimeSpan.FromSeconds(1) : default);
        }
    }

    /// <summary>A worker that acknowledges most.</summary>
    public static async Task Drink(Desk desk)
    {
        while (!desk.IsOver)
        {
            await desk.Pause(300);
            await DrinkSome(desk, desk.World.Chance(0.8));
        }
    }

    /// <summary>Takes until nothing is left.</summary>
    public static async Task ComeToRest(Desk desk)
    {
        var patience = desk.World.Elapsed + TimeSpan.FromMinutes(5);
        while (desk.World.Elapsed < patience)
        {
            if (await DrinkSome(desk, acknowledge: true) == 0 && await desk.Describe(Population.Made, Sink) is { } described && described.Partitions.All(p => p is { Error: null, Lag: 0, InFlight: 0 }))
                return;
            await desk.Pause(100);
        }

        desk.History.Violate("transactions stuck", $"group {Sink} of {Population.Made} does not come to its end.");
    }

    /// <summary>Reads a partition whole, as committed and as it is.</summary>
    public static async Task Audit(Desk desk, Place place)
    {
        var log = new CommittedLog();
        for (var next = 0L; ;)
        {
            var read = await Read(desk, place, next);
            if (read is null)
            {
                desk.History.Violate("not served", $"{place} can't be read as committed at {next} after everything healed.");
                return;
            }

            log.Stable = read.Stable;
            foreach (var (offset, uid) in read.Records)
                log.Records[offset] = uid;
            if (read.To == next)
                break;
            next = read.To;
        }

        for (var next = 0L; ;)
        {
            var reply = await desk.Link.Ask(desk.NewCall($"read {place} as it is from {next}"), async broker =>
            {
                using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(place.Topic, place.Partition, next)], MinBytes = 0 });
                var read = Checked(result);
                log.End = read.End;
                var batches = new List<StoredBatch>();
                foreach (var batch in new RecordBatchReader(read.Batches))
                    batches.Add(new StoredBatch(batch.BaseOffset, batch.LastOffset, batch.ProducerId, batch.ProducerEpoch, batch.IsControl));
                return batches;
            });
            if (!reply.IsOk)
            {
                desk.History.Violate("not served", $"{place} can't be read at {next} after everything healed: {reply.Code}.");
                return;
            }

            if (reply.Value!.Count == 0)
                break;
            log.Batches.AddRange(reply.Value.Where(batch => batch.First >= next));
            next = reply.Value[^1].Last + 1;
        }

        desk.History.Committed[place] = log;
    }

    private static async Task<CommittedRead?> Read(Desk desk, Place place, long from, TimeSpan wait = default)
    {
        var call = desk.NewCall($"read {place} as committed from {from}");
        var reply = await desk.Link.Ask(
            call,
            async broker =>
            {
                using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(place.Topic, place.Partition, from, 20_000)], MinBytes = wait == default ? 0 : 1, Wait = wait, Isolation = Isolation.Committed });
                var read = Checked(result);
                var holding = new CommittedBatches(read);
                var (records, to) = (new List<(long, string)>(), from);
                foreach (var batch in new RecordBatchReader(read.Batches))
                {
                    to = batch.LastOffset + 1;
                    if (!holding.Holds(batch))
                        continue;
                    foreach (var record in batch.Records())
                        if (record.Offset >= from)
                            records.Add((record.Offset, Desk.UidOf(MessageCodec.Decode(place.Partition, record).Body.Span)));
                }

                return new CommittedRead(call, place, from, to, read.LastStableOffset, records);
            },
            read =>
            {
                desk.History.CommittedReads.Add(read);
                desk.History.Note($"  to {read.To}, stable {read.Stable}: {string.Join(" ", read.Records.Select(record => record.Uid))}");
            });
        return reply.Value;
    }

    private static async Task<int> DrinkSome(Desk desk, bool acknowledge)
    {
        var call = desk.NewCall($"receive {Population.Made} {Sink}");
        var reply = await desk.Link.Ask(call, broker => broker.Receive(Population.Made, Sink, new ReceiveRequest { Max = 20, Lease = TimeSpan.FromSeconds(2), Consumer = "drinker" }), given =>
        {
            foreach (var delivery in given)
            {
                desk.History.Sunk.Add(new Sunk(call, new Place(Population.Made, delivery.Position.Partition), delivery.Position.Offset, Desk.UidOf(delivery.Body.Span)));
                desk.History.Note($"  {desk.History.Sunk[^1].Uid} {delivery.Lease}");
            }
        });
        if (!acknowledge || reply.Value is not { Count: > 0 } got)
            return reply.Value?.Count ?? 0;
        await desk.Link.Ask(desk.NewCall($"acknowledge {Population.Made} {Sink}"), broker => broker.Settle(Population.Made, Sink, Settlement.Acknowledge([.. got.Select(delivery => delivery.Lease)])));
        return got.Count;
    }

    private static PartitionRead Checked(ReadResult result) => result.Partitions[0].Error is { } error ? throw new MqException(error) : result.Partitions[0];
}

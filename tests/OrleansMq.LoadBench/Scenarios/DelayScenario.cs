using System.Buffers.Binary;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;
using OrleansMq.Records;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class DelayScenario : IScenario
{
    private const int AtOnce = 1_000;

    /// <summary>After the last was due: what has not come by then is lost.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public string Name => "delay";

    public string Summary => "delayed messages that come due at 10,000 a second: how late each is, and how fast they are scheduled";

    public string Help =>
        """
        --rate messages a second for --seconds (10), each due at its own time, are scheduled in shuffled order, 1,000 a call, before the first is due; one reader waits in IBroker.Read.
        "late": from the time of delivery to the reader, to the millisecond of the broker's clock; the first second is thrown away. "early": how many came before their time: 0.
        The limit beside it is the p50 of the disk's 4 KiB append + fdatasync: what is due is flushed before it is seen.
        """;

    public async Task Run(Bench bench)
    {
        await using var host = await bench.StartBroker();
        var (rate, seconds) = (bench.Options.Rate, bench.Duration(10).TotalSeconds + 1);
        var load = Load.Of(bench, 0, bench.Options.Acks ?? Acks.Durable) with { Count = (long)(rate * seconds), Partitions = 1 };
        await load.CreateTopic(host.Broker);
        // Time enough to schedule them all at 20,000 a second.
        var first = DateTimeOffset.UtcNow + TimeSpan.FromSeconds(2 + load.Count / 20_000.0);
        await Schedule(bench, host.Broker, load, first, rate);
        var ahead = first - DateTimeOffset.UtcNow;
        var (late, early) = await Read(host.Broker, load, first, first + TimeSpan.FromSeconds(seconds) + Patience);
        Percentiles.Report(bench, "late", late, bench.Limits.SmallFlushMicros, Limits.SmallFlush);
        bench.Add("early", early, "messages");
        bench.Add("all scheduled before the first was due by", ahead.TotalSeconds, "s");
    }

    private static async Task Schedule(Bench bench, EmbeddedBroker broker, Load load, DateTimeOffset first, int rate)
    {
        var numbers = Enumerable.Range(0, (int)load.Count).ToArray();
        new Random(1).Shuffle(numbers);
        var meter = new Meter();
        foreach (var some in numbers.Chunk(AtOnce))
        {
            var results = await broker.Publish(load.Topic, [.. some.Select(number => Due(load, first.AddMilliseconds(number * 1_000.0 / rate)))]);
            foreach (var result in results)
                result.OrThrow();
        }

        meter.Report(bench, "scheduled", load.Count);
    }

    private static Message Due(Load load, DateTimeOffset at)
    {
        var body = load.NewBody();
        BinaryPrimitives.WriteInt64LittleEndian(body, at.UtcTicks);
        return new Message { Body = body, DeliverAt = at };
    }

    private static async Task<(List<double> Late, int Early)> Read(EmbeddedBroker broker, Load load, DateTimeOffset first, DateTimeOffset end)
    {
        var (late, early, seen) = (new List<double>((int)load.Count), 0, new HashSet<long>());
        for (long next = 0; next < load.Count;)
        {
            if (DateTimeOffset.UtcNow > end)
                throw new InvalidOperationException($"{load.Count - next} of {load.Count} messages have not come.");
            using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(load.Topic, 0, next)], Wait = TimeSpan.FromSeconds(5) });
            if (result.Partitions[0].Error is { } error)
                throw new MqException(error);
            var now = DateTimeOffset.UtcNow;
            foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
                foreach (var record in batch.Records())
                {
                    if (record.Offset < next)
                        continue;
                    next = record.Offset + 1;
                    var due = new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(record.Value.Span), TimeSpan.Zero);
                    if (!seen.Add(due.Ticks))
                        throw new InvalidOperationException($"The message due at {due:O} came twice.");
                    // The broker's clock and this one are the same to a millisecond.
                    if (now < due.AddMilliseconds(-1))
                        early++;
                    if (due >= first.AddSeconds(1))
                        late.Add((now - due).TotalMicroseconds);
                }
        }

        return (late, early);
    }
}

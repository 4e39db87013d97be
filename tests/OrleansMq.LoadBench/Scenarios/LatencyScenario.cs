using System.Buffers.Binary;
using System.Diagnostics;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;
using OrleansMq.Records;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class LatencyScenario : IScenario
{
    public string Name => "latency";

    public string Summary => "10,000 messages a second by the clock: from when each was due to its acknowledgement, and to its reader";

    public string Help =>
        """
        Open loop: message i is due at start + i / --rate, whether or not those before it were answered, and its time counts from then on: a sender that falls behind is in
        the figures. A thread of its own sleeps to the next due time and sends through a Producer without linger; one reader waits in IBroker.Read.
        "acknowledged": until Producer.Send ended. "delivered": until the reader had it. The first second is thrown away. Default: 10 s.
        The limit beside it is the p50 of the disk's 4 KiB append + fdatasync: durable can't be quicker.
        """;

    public async Task Run(Bench bench)
    {
        foreach (var acks in bench.Options.AckLevels)
            await Run(bench, acks);
    }

    private static async Task Run(Bench bench, Acks acks)
    {
        await using var host = await bench.StartBroker();
        var rate = bench.Options.Rate;
        var load = Load.Of(bench, 0, acks) with { Count = (long)(rate * (bench.Duration(10).TotalSeconds + 1)) };
        load = load with { Size = Math.Max(8, load.Size) };
        await load.CreateTopic(host.Broker);
        var clock = new SendingClock(load.Count, rate);
        var late = 0.0;
        await using (var producer = new Producer(host.Broker, load.Topic, new ProducerOptions { Acks = acks }))
        {
            await producer.Send(new Message { Body = new byte[8] });
            var reading = Task.Run(() => Read(host.Broker, load, clock));
            late = await clock.Send(producer, load);
            await producer.Flush();
            await clock.AllAcknowledged();
            await reading;
        }

        double? limit = acks == Acks.Durable ? bench.Limits.SmallFlushMicros : null;
        Percentiles.Report(bench, $"{acks}, delivered", clock.Measured(clock.Delivered), limit, limit is null ? "" : Limits.SmallFlush);
        Percentiles.Report(bench, $"{acks}, acknowledged", clock.Measured(clock.Acknowledged), limit, limit is null ? "" : Limits.SmallFlush);
        bench.Add($"{acks}, sender late at most", late, "µs");
    }

    private static async Task Read(EmbeddedBroker broker, Load load, SendingClock clock)
    {
        // Offset 0 is the message that opened the producer.
        for (long next = 1; next <= load.Count;)
        {
            using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(load.Topic, 0, next)], Wait = TimeSpan.FromSeconds(5) });
            var now = Stopwatch.GetTimestamp();
            foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
            {
                foreach (var record in batch.Records())
                {
                    if (record.Offset < next)
                        continue;
                    clock.Delivered[BinaryPrimitives.ReadInt64LittleEndian(record.Value.Span)] = now;
                    next = record.Offset + 1;
                }
            }
        }
    }
}

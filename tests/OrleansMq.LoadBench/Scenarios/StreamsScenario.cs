#if ORLEANS
using System.Diagnostics;
using OrleansMq.LoadBench.Cluster;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class StreamsScenario : IScenario
{
    private const int Streams = 1_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public string Name => "streams";

    public string Summary => "Orleans streams: events to 1,000 grains of one silo";

    public string Help =>
        """
        One silo as a process of its own with the log on its disk; an Orleans client in this process publishes --count events of --size bytes in turn to 1,000 streams, each in batches of --batch,
        64 batches on their way; a grain for each stream is subscribed to it. The same load ran once before the time begins. The time ends when
        the grains were given as many events as were sent; one that comes twice counts twice. Always durable and on the disk: --acks and --memory mean nothing here.
        "events a call" says how many came together. "processor" is that of client and silo together. Default: 1,000,000 events, 8 partitions.
        """;

    public async Task Run(Bench bench)
    {
        var load = Load.Of(bench, 1_000_000, Acks.Durable, partitions: 8);
        await using var silo = await BenchSilo.Start(bench, load.Partitions);
        var streams = silo.Client.GetStreamProvider(BenchSilo.Streams);
        var hearing = silo.Client.GetGrain<IHearingGrain>(0);

        // Every grain is there, and what a silo compiles first is not the load's.
        var batches = load.Count / load.Batch;
        await Send(1, Streams);
        await Send(load.Batch, batches);
        var first = await Until(Streams + batches * load.Batch);

        var (before, meter) = (silo.Processor, new Meter());
        var sending = Send(load.Batch, batches);
        var heard = await Until(first.Events + batches * load.Batch);
        await sending;
        var (seconds, here, there) = (meter.Elapsed.TotalSeconds, meter.Processor, silo.Processor - before);
        var events = heard.Events - first.Events;
        bench.Add("delivered", events / seconds, "events/s");
        bench.Add("events a call", (double)events / (heard.Calls - first.Calls), "events");
        bench.Add("processor", (here + there).TotalSeconds / events * 1e6, "s/million");
        bench.Add("grains", heard.Grains, "grains");

        Task Send(int events, long count) => Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (n, _) =>
        {
            var stream = streams.GetStream<byte[]>(StreamId.Create(ListenerGrain.StreamNamespace, $"{n % Streams}"));
            await stream.OnNextBatchAsync([.. Enumerable.Range(0, events).Select(_ => load.NewBody())]);
        });

        async Task<Heard> Until(long events)
        {
            for (var (last, since) = (0L, Stopwatch.GetTimestamp()); ;)
            {
                var heard = await hearing.Heard();
                if (heard.Events >= events)
                    return heard;
                if (heard.Events > last)
                    (last, since) = (heard.Events, Stopwatch.GetTimestamp());
                else if (Stopwatch.GetElapsedTime(since) > Patience)
                    throw new InvalidOperationException($"Nothing came for {Patience.TotalSeconds:0} s; the grains were given {heard.Events} of {events} events.");
                await Task.Delay(10);
            }
        }
    }
}
#endif

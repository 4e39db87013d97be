#if ORLEANS
using OrleansMq.LoadBench.Cluster;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class ClusterScenario : IScenario
{
    public string Name => "cluster";

    public string Summary => "the load of 'throughput' from an Orleans client to one silo, beside the embedded broker";

    public string Help =>
        """
        First an embedded broker in this process, then one silo as a process of its own with the log on its disk and an Orleans client in this process: --inflight loops each build a batch of
        --batch messages and append it; one reader reads all partitions and walks every record. "of embedded" is the ratio of both rates of one run; "processor" of the silo is that of client
        and silo together, "the silo's part" is its process alone. Each silo has taken the same load once before. The silo is always on the disk: with --memory they can't be
        compared. Default: 2,000,000 messages, 1 partition.
        """;

    public async Task Run(Bench bench)
    {
        foreach (var acks in bench.Options.AckLevels)
        {
            var load = Load.Of(bench, 2_000_000, acks);
            var embedded = await Embedded(bench, load);
            var (rate, client, silo) = await OnSilo(bench, load);
            bench.Add($"silo, {acks}", rate, "msgs/s", embedded, "embedded");
            bench.Add($"silo, {acks}, processor", client + silo, "s/million");
            bench.Add($"silo, {acks}, the silo's part", silo, "s/million");
        }
    }

    private static async Task<double> Embedded(Bench bench, Load load)
    {
        await using var host = await bench.StartBroker();
        var meter = new Meter();
        await Both(host.Broker, load);
        return load.Count / meter.Report(bench, $"embedded, {load.Acks}", load.Count);
    }

    private static async Task<(double Rate, double Client, double Silo)> OnSilo(Bench bench, Load load)
    {
        await using var silo = await BenchSilo.Start(bench, partitions: 1);
        // What a process compiles first is not the load's.
        await Both(silo.Broker, load with { Topic = "first" });
        var (before, meter) = (silo.Processor, new Meter());
        await Both(silo.Broker, load);
        var (seconds, here, there) = (meter.Elapsed.TotalSeconds, meter.Processor, silo.Processor - before);
        return (load.Count / seconds, here.TotalSeconds / load.Count * 1e6, there.TotalSeconds / load.Count * 1e6);
    }

    private static async Task Both(IBroker broker, Load load)
    {
        await load.CreateTopic(broker);
        await Task.WhenAll(BatchWriting.Run(broker, load), Task.Run(() => BatchReading.Run(broker, load.Topic, load.Partitions, load.Count)));
    }
}
#endif

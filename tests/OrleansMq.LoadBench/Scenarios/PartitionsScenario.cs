using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class PartitionsScenario : IScenario
{
    public string Name => "partitions";

    public string Summary => "1,000 partitions written together, beside one";

    public string Help =>
        """
        The same batches are appended to a topic of one partition and to one of --partitions (default 1,000), in turn; so many appends are on their way as there are partitions, at
        least --inflight, for both. Every partition was written to once before. "together / one" is the ratio of the two. Default: 1,000,000 messages durable.
        """;

    public async Task Run(Bench bench)
    {
        var many = bench.Options.Partitions ?? (bench.WarmUp ? 50 : 1_000);
        var acks = bench.Options.Acks ?? Acks.Durable;
        var one = await Write(bench, acks, 1, many, "one partition");
        var together = await Write(bench, acks, many, many, $"{many} partitions");
        bench.Add("together / one", together / one, "");
    }

    private static async Task<double> Write(Bench bench, Acks acks, int partitions, int many, string part)
    {
        await using var host = await bench.StartBroker();
        var load = Load.Of(bench, 1_000_000, acks) with { Partitions = partitions, InFlight = Math.Max(many, bench.Options.InFlight) };
        await load.CreateTopic(host.Broker);
        await BatchWriting.Run(host.Broker, load with { Count = partitions, Batch = 1 });
        var meter = new Meter();
        await BatchWriting.Run(host.Broker, load);
        return load.Count / meter.Report(bench, part, load.Count);
    }
}

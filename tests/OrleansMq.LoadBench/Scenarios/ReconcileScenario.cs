using System.Diagnostics;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class ReconcileScenario : IScenario
{
    private const int Few = 10_000;
    private const int Held = 10;
    private const int Looks = 200;
    private const int PerCall = 1_000;

    public string Name => "reconcile";

    public string Summary => "what a group has not settled, asked for behind ten thousand settled messages and behind millions: does looking past them cost anything?";

    public string Help =>
        $"""
         A queue-style group: {Held} messages are leased and stay so, one at the beginning and the others after each tenth of the rest; all others are acknowledged by their leases. Then
         the group is asked {Looks} times what is not settled after 1 s, once as a page of 100 and once as counts alone; fewer or more than {Held} found fail the run. The same first behind
         {Few:N0} settled messages. Default: 10,000,000 messages, 1 partition.
         """;

    public async Task Run(Bench bench)
    {
        var load = Load.Of(bench, 10_000_000, bench.Options.Acks ?? Acks.Accepted) with { Partitions = 1 };
        await Ask(bench, load with { Count = Few }, "behind few");
        await Ask(bench, load, "behind all");
    }

    private static async Task Ask(Bench bench, Load load, string part)
    {
        await using var host = await bench.StartBroker();
        await load.CreateTopic(host.Broker);
        await host.Broker.PutGroup(load.Topic, "workers", new GroupChange());
        var meter = new Meter();
        for (var held = 0; held < Held; held++)
        {
            var share = load.Count / Held;
            await BatchWriting.Run(host.Broker, load with { Count = share });
            var kept = await host.Broker.Receive(load.Topic, "workers", new ReceiveRequest { Max = 1, Lease = TimeSpan.FromHours(12), Consumer = "keeps" });
            if (kept.Count != 1)
                throw new InvalidOperationException("There was nothing to hold.");
            await QueueReading.Run(host.Broker, load.Topic, "workers", share - 1, consumers: 1, PerCall);
        }

        bench.Add($"{part}: settled", load.Count - Held, "msgs");
        bench.Add($"{part}: appended and settled", load.Count / meter.Elapsed.TotalSeconds, "msgs/s");
        await Task.Delay(TimeSpan.FromSeconds(1.5));
        bench.Add($"{part}: a page, p50", await Time(host.Broker, load.Topic, max: 100), "us");
        bench.Add($"{part}: counts, p50", await Time(host.Broker, load.Topic, max: 0), "us");
    }

    private static async Task<double> Time(IBroker broker, TopicName topic, int max)
    {
        var times = new List<double>(Looks);
        for (var look = 0; look < Looks; look++)
        {
            var begun = Stopwatch.GetTimestamp();
            var found = await broker.Reconcile(topic, "workers", new ReconcileRequest { OlderThan = TimeSpan.FromSeconds(1), Max = max });
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMicroseconds);
            if (found.Counts is not { Leased: Held, Total: Held } || found.Messages.Count != Math.Min(max, Held))
                throw new InvalidOperationException($"{found.Counts} with {found.Messages.Count} messages shown, where {Held} are leased and all others settled.");
        }

        return times.Order().ElementAt(Looks / 2);
    }
}

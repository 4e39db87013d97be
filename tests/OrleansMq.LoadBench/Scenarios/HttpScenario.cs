using OrleansMq.Gateways.Http;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class HttpScenario : IScenario
{
    public string Name => "http";

    public string Summary => "publish, read, receive and settle over HTTP, gateway and client in this process";

    public string Help =>
        """
        The broker, its gateway and HttpBroker are in one process, over loopback TCP. "batches": record batches as octets while a reader reads them. "messages": publish of --batch messages as JSON.
        "queue": received and acknowledged in calls of --percall, as JSON, while the queue is filled. Default: 500,000 messages ("messages" and "queue": a fifth), 1 partition, 32 requests in flight.
        """;

    public async Task Run(Bench bench)
    {
        foreach (var acks in bench.Options.AckLevels)
        {
            await using var host = await bench.StartBroker();
            await using var gateway = await HttpGateway.Start(host.Broker, new HttpGatewayOptions { Port = 0 });
            await using var client = HttpBroker.Connect(gateway.Uri);
            var load = Load.Of(bench, 500_000, acks) with { InFlight = Math.Min(32, bench.Options.InFlight) };
            if (bench.Wants("batches"))
                await Batches(bench, client, load with { Topic = "batches" });
            if (bench.Wants("messages"))
                await Messages(bench, client, load with { Topic = "messages", Count = load.Count / 5 });
            if (bench.Wants("queue"))
                await Queue(bench, client, load with { Topic = "queue", Count = load.Count / 5 });
        }
    }

    private static async Task Batches(Bench bench, HttpBroker client, Load load)
    {
        await load.CreateTopic(client);
        var meter = new Meter();
        await Task.WhenAll(BatchWriting.Run(client, load), Task.Run(() => BatchReading.Run(client, load.Topic, load.Partitions, load.Count)));
        meter.Report(bench, $"batches, {load.Acks}", load.Count);
    }

    private static async Task Messages(Bench bench, HttpBroker client, Load load)
    {
        await load.CreateTopic(client);
        var messages = Enumerable.Range(0, load.Batch).Select(_ => new Message { Body = load.NewBody() }).ToArray();
        var calls = load.Count / load.Batch;
        var meter = new Meter();
        await Parallel.ForAsync(0, calls, new ParallelOptions { MaxDegreeOfParallelism = load.InFlight }, async (_, cancel) =>
        {
            foreach (var result in await client.Publish(load.Topic, messages, new PublishOptions { Acks = load.Acks }, cancel))
                result.OrThrow();
        });
        meter.Report(bench, $"messages, {load.Acks}", calls * load.Batch);
    }

    private static async Task Queue(Bench bench, HttpBroker client, Load load)
    {
        await load.CreateTopic(client);
        await client.PutGroup(load.Topic, "workers", new GroupChange());
        var meter = new Meter();
        await Task.WhenAll(QueueReading.Run(client, load.Topic, "workers", load.Count, 2, bench.Options.PerCall), BatchWriting.Run(client, load));
        meter.Report(bench, $"queue, {load.Acks}", load.Count);
    }
}

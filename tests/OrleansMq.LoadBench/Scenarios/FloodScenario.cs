using OrleansMq.Access;
using OrleansMq.Access.Tests;
using OrleansMq.Gateways;
using OrleansMq.Gateways.Http;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class FloodScenario : IScenario
{
    private const int CalmRate = 500;
    private const int FloodRequestsPerSecond = 100;
    private const int FloodBytesPerSecond = 2 << 20;

    public string Name => "flood";

    public string Summary => "two tenants over HTTP: what one's flood does to the other's latency, with and without quotas";

    public string Help =>
        $$"""
        Gateway, broker and clients are in one process. The calm tenant sends {{CalmRate}} messages a second by the clock, durable, and its time from when a message was due to its acknowledgement is measured ("calm"):
        "alone"; "beside a flood": the other tenant appends batches of --batch from 16 connections, as fast as it is let, with quotas of {{FloodRequestsPerSecond}} requests and {{FloodBytesPerSecond >> 20}} MiB a second; it waits when it is told to.
        "beside a rude flood": it asks again after 1 ms whatever it is told. "without quotas": nothing holds it back. "refused" is 0 where the gateway holds back what exceeds and no more connections ask than have their turn within a second.
        "of alone": p99 of the same run alone divided into it; the target is 1.5. Default: 10 s each; --only alone|flood|rude|without (alone is always measured).
        """;

    public async Task Run(Bench bench)
    {
        var alone = await Measure(bench, "alone", null);
        foreach (var flood in new[] { new Flood("beside a flood", true, false), new Flood("beside a rude flood", true, true), new Flood("without quotas", false, false) })
        {
            if (bench.Wants(flood.Name))
                bench.Add($"{flood.Name}: p99 of alone", await Measure(bench, flood.Name, flood) / alone, "times");
        }
    }

    /// <returns>The calm tenant's p99 in µs.</returns>
    private static async Task<double> Measure(Bench bench, string part, Flood? flood)
    {
        await using var host = await bench.StartBroker();
        await using var control = await AccessControl.Start(new MemoryStore(), new AccessControlOptions { AdminPassword = Some.AdminPassword });
        await using var gateway = await HttpGateway.Start(host.Broker, new HttpGatewayOptions { Port = 0, Security = new GatewaySecurity { Access = control } });
        foreach (var tenant in new[] { "calm", "flood" })
        {
            await control.Directory.PutUser(tenant, new UserChange { Password = Some.Password, Tenant = tenant });
            await control.Directory.AddRule(Some.Rule(AccessOperations.Admin, ResourceKind.Cluster, "", who: tenant));
        }
        if (flood is { Quotas: true })
        {
            await control.Directory.SetQuota(QuotaScope.Tenant, "flood", QuotaKind.RequestsPerSecond, FloodRequestsPerSecond);
            await control.Directory.SetQuota(QuotaScope.Tenant, "flood", QuotaKind.BytesPerSecond, FloodBytesPerSecond);
        }

        await using var calm = Client(gateway, "calm");
        await using var flooding = flood is null ? null : await Flooding.Start(Client(gateway, "flood"), Load.Of(bench, 0, Acks.Durable, "flood"), flood.Rude);
        var load = Load.Of(bench, 0, Acks.Durable, "calm") with { Count = (long)(CalmRate * (bench.Duration(10).TotalSeconds + 1)) };
        await load.CreateTopic(calm);
        var clock = new SendingClock(load.Count, CalmRate);
        await using (var producer = new Producer(calm, load.Topic, new ProducerOptions { Acks = Acks.Durable }))
        {
            await producer.Send(new Message { Body = new byte[8] });
            await clock.Send(producer, load);
            await producer.Flush();
            await clock.AllAcknowledged();
        }
        var times = clock.Measured(clock.Acknowledged);
        Percentiles.Report(bench, $"calm, {part}", times);
        if (flooding is not null)
        {
            await flooding.Stop();
            bench.Add($"{part}: flood", flooding.MessagesPerSecond, "msgs/s");
            bench.Add($"{part}: refused", flooding.RefusedPerSecond, "requests/s");
        }

        return Percentiles.Of(times, 0.99);
    }

    private static HttpBroker Client(HttpGateway gateway, string user) =>
        HttpBroker.Connect(gateway.Uri, new HttpBrokerOptions { Credential = HttpCredential.OfPassword(user, Some.Password) });

    private sealed record Flood(string Name, bool Quotas, bool Rude);
}

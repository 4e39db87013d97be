#if BLOBS
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;
using OrleansMq.Storage.AzureBlobs;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class BlobsScenario : IScenario
{
    private static int _containers;

    public string Name => "blobs";

    public string Summary => "64 partitions on append blobs: how many requests, and how much in each";

    public string Help =>
        """
        Needs --blobs CONNECTION: a storage account, or Azurite, which is started so:
          npx --package azurite@3.37.0 azurite-blob --inMemoryPersistence --skipApiVersionCheck --disableTelemetry --silent
        with "UseDevelopmentStorage=true" as its connection. Each run takes a container of its own and deletes it.

        "singly" appends messages one by one, 64 times --partitions on their way at once; "batches" appends record batches of --batch, 4 times --partitions on their way. Default: 64
        partitions, 100,000 and 1,000,000 messages, durable. "requests" are all requests a second, "bytes an append" what one append request carried. "the service's own" is what the service does
        when the same number of appends of that mean size go to as many blobs at once with nothing of ours in between; it is measured right afterwards, and "of it" is the ratio.
        """;

    public async Task Run(Bench bench)
    {
        if (bench.Options.Blobs is null)
            throw new ArgumentException("--blobs CONNECTION is needed; 'blobs --help' says how to start Azurite.");
        var partitions = bench.Options.Partitions ?? 64;
        if (bench.Wants("singly"))
            await Write(bench, Load.Of(bench, 100_000, Acks.Durable) with { Partitions = partitions, Batch = 1, InFlight = 64 * partitions }, "singly");
        if (bench.Wants("batches"))
            await Write(bench, Load.Of(bench, 1_000_000, Acks.Durable) with { Partitions = partitions, InFlight = 4 * partitions }, "batches");
    }

    private static async Task Write(Bench bench, Load load, string part)
    {
        var requests = new RequestCount();
        var told = new BlobClientOptions();
        told.Retry.MaxRetries = 0;
        told.AddPolicy(requests, HttpPipelinePosition.PerRetry);
        var client = new BlobServiceClient(bench.Options.Blobs, told);
        var container = $"bench-{Environment.ProcessId}-{Interlocked.Increment(ref _containers)}";
        var storage = await BlobStorage.Start(new BlobStorageOptions { Client = client, Container = container });
        await using (var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, OnReport = text => Console.Error.WriteLine($"  broker: {text}") }))
        {
            await load.CreateTopic(broker);
            await BatchWriting.Run(broker, load with { Count = load.Partitions, Batch = 1 });
            requests.Reset();
            var meter = new Meter();
            await BatchWriting.Run(broker, load);
            var (all, appends, bytes) = (requests.All, requests.Appends, requests.Bytes);
            var seconds = meter.Report(bench, part, load.Count);
            bench.Add($"{part}, requests", all / seconds, "/s");
            bench.Add($"{part}, messages an append", (double)load.Count / appends, "");
            bench.Add($"{part}, bytes an append", (double)bytes / appends, "B");
            var own = await Own(client.GetBlobContainerClient(container), load.Partitions, (int)(bytes / appends), TimeSpan.FromSeconds(bench.WarmUp ? 1 : Math.Clamp(seconds, 2, 10)));
            bench.Add($"{part}, appends", appends / seconds, "/s", own, "the service's own");
            bench.Add($"{part}, of the service's own", appends / seconds / own, "");
        }
        await client.DeleteBlobContainerAsync(container);
    }

    /// <summary>Appends a second that the service takes from the SDK alone.</summary>
    private static async Task<double> Own(BlobContainerClient container, int blobs, int bytes, TimeSpan time)
    {
        var block = new byte[bytes];
        Random.Shared.NextBytes(block);
        var clients = Enumerable.Range(0, blobs).Select(n => container.GetAppendBlobClient($"own-{n}")).ToArray();
        await Task.WhenAll(clients.Select(client => client.CreateAsync(new AppendBlobCreateOptions())));
        var meter = new Meter();
        var appends = await Task.WhenAll(clients.Select(async client =>
        {
            var count = 0;
            for (long at = 0; meter.Elapsed < time; at += bytes, count++)
                await client.AppendBlockAsync(new MemoryStream(block), new AppendBlobAppendBlockOptions { Conditions = new AppendBlobRequestConditions { IfAppendPositionEqual = at } });
            return count;
        }));
        return appends.Sum() / meter.Elapsed.TotalSeconds;
    }

    /// <summary>Counts what goes out.</summary>
    private sealed class RequestCount : HttpPipelineSynchronousPolicy
    {
        private long _all;
        private long _appends;
        private long _bytes;

        public long All => Interlocked.Read(ref _all);

        public long Appends => Interlocked.Read(ref _appends);

        /// <summary>In append requests, without headers.</summary>
        public long Bytes => Interlocked.Read(ref _bytes);

        public void Reset() => _all = _appends = _bytes = 0;

        public override void OnSendingRequest(HttpMessage message)
        {
            Interlocked.Increment(ref _all);
            if (!message.Request.Uri.Query.Contains("comp=appendblock", StringComparison.Ordinal))
                return;
            Interlocked.Increment(ref _appends);
            if (message.Request.Content?.TryComputeLength(out var length) == true)
                Interlocked.Add(ref _bytes, length);
        }
    }
}
#endif

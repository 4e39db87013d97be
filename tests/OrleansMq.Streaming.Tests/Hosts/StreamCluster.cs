using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Storage;
using Orleans.Streams;
using Orleans.TestingHost;

namespace OrleansMq.Streaming.Tests;

/// <summary>Silos of real Orleans in this process, on what outlives them: a broker beside them, or the storage of the broker that they are.</summary>
public sealed class StreamCluster : IAsyncDisposable
{
    public const string Provider = "mq";
    public const string JsonProvider = "mqjson";
    public const string NarrowProvider = "narrow";

    /// <summary>Of a topic of its own, for the story in which that is deleted.</summary>
    public const string AnewProvider = "anew";

    private static readonly ConcurrentDictionary<string, StreamCluster> Running = new();

    private readonly StoryBroker _broker;
    private readonly TestCluster _cluster;
    private readonly string _key = Guid.NewGuid().ToString("N");

    private readonly int _maxDeliveries;

    private StreamCluster(StoryBroker broker, KeptGrainStorage.Shelf shelf, short silos, int maxDeliveries)
    {
        (_broker, Shelf, _maxDeliveries) = (broker, shelf, maxDeliveries);
        Running[_key] = this;
        var builder = new TestClusterBuilder(silos);
        builder.Properties["StreamCluster"] = _key;
        builder.AddSiloBuilderConfigurator<SiloSetup>();
        builder.AddClientBuilderConfigurator<ClientSetup>();
        _cluster = builder.Build();
    }

    public IBroker Broker => _broker.Outside(Client);

    public KeptGrainStorage.Shelf Shelf { get; }

    public IClusterClient Client => _cluster.Client;

    public IGrainFactory Grains => _cluster.GrainFactory;

    public TestCluster Orleans => _cluster;

    /// <param name="maxDeliveries">Where silos are killed more than the 3 of other stories: two activations of a grain may refuse each other's writes for a moment.</param>
    public static async Task<StreamCluster> Start(StoryBroker broker, KeptGrainStorage.Shelf? shelf = null, short silos = 1, int maxDeliveries = 3)
    {
        var cluster = new StreamCluster(broker, shelf ?? new(), silos, maxDeliveries);
        await cluster._cluster.DeployAsync();
        return cluster;
    }

    public IAsyncStream<T> Stream<T>(string space, string key, string provider = Provider) =>
        Client.GetStreamProvider(provider).GetStream<T>(StreamId.Create(space, key));

    public async ValueTask DisposeAsync()
    {
        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
        Running.TryRemove(_key, out _);
    }

    private void Tune(OrleansMqStreamOptions options)
    {
        options.Topic = "events";
        options.Partitions = 4;
        options.MaxDeliveries = _maxDeliveries;
        options.Backoff.Add(TimeSpan.FromMilliseconds(20));
        options.CheckpointInterval = TimeSpan.FromMilliseconds(100);
    }

    private static void TuneJson(OrleansMqStreamOptions options) => (options.Topic, options.Bodies, options.Partitions) = ("json", StreamBodies.Json, 1);

    private void TuneNarrow(OrleansMqStreamOptions options)
    {
        Tune(options);
        (options.Topic, options.Partitions, options.CacheBytes, options.SubscriptionCacheBytes, options.ReadBytes) = ("narrow", 1, 1 << 20, 8 << 10, 64 << 10);
    }

    private void TuneAnew(OrleansMqStreamOptions options)
    {
        Tune(options);
        (options.Topic, options.Partitions) = ("anew", 1);
    }

    private sealed class SiloSetup : ISiloConfigurator
    {
        public void Configure(ISiloBuilder siloBuilder)
        {
            var cluster = Running[siloBuilder.Configuration["StreamCluster"]!];
            cluster._broker.AddTo(siloBuilder);
            foreach (var name in (string[])["PubSubStore", "Default"])
                siloBuilder.Services.AddKeyedSingleton<IGrainStorage>(name, (services, _) => new KeptGrainStorage(services.GetRequiredService<Serializer>(), cluster.Shelf));
            siloBuilder.AddOrleansMqStreams(Provider, cluster.Tune).AddOrleansMqStreams(JsonProvider, TuneJson).AddOrleansMqStreams(NarrowProvider, cluster.TuneNarrow).AddOrleansMqStreams(AnewProvider, cluster.TuneAnew);
        }
    }

    private sealed class ClientSetup : IClientBuilderConfigurator
    {
        public void Configure(IConfiguration configuration, IClientBuilder clientBuilder)
        {
            var cluster = Running[configuration["StreamCluster"]!];
            cluster._broker.AddTo(clientBuilder);
            clientBuilder.AddOrleansMqStreams(Provider, cluster.Tune).AddOrleansMqStreams(JsonProvider, TuneJson).AddOrleansMqStreams(NarrowProvider, cluster.TuneNarrow).AddOrleansMqStreams(AnewProvider, cluster.TuneAnew);
        }
    }
}

using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files;

namespace OrleansMq.Silo;

/// <summary>What runs the broker in this process.</summary>
internal interface IBrokerHost : IAsyncDisposable
{
    IBroker Broker { get; }

    /// <summary>This node's name in the cluster's description.</summary>
    string Node { get; }

    /// <summary>Where the broker keeps its documents.</summary>
    IDocuments Documents { get; }

    /// <summary>The broker's own figures; null where the host has none.</summary>
    Func<TextWriter, CancellationToken, ValueTask>? Metrics { get; }

    /// <summary>Gateways take webhooks from then on.</summary>
    void Offer(IWebhookDirectory webhooks);

    /// <summary>Tells where a gateway of this process answers.</summary>
    void Announce(string gateway, string address);
}

/// <summary>One process, one broker.</summary>
internal sealed class EmbeddedHost(EmbeddedBroker broker, IStorage storage) : IBrokerHost
{
    public IBroker Broker => broker;

    public string Node => Environment.MachineName;

    public IDocuments Documents { get; } = new AnsweringStorage(storage).Documents;

    public Func<TextWriter, CancellationToken, ValueTask>? Metrics => broker.WriteMetrics;

    public void Offer(IWebhookDirectory webhooks) => broker.Webhooks = webhooks;

    public void Announce(string gateway, string address) => broker.Announce(gateway, address);

    public ValueTask DisposeAsync() => broker.DisposeAsync();

    public static async ValueTask<IBrokerHost> Start(SiloOptions told, Action<string> report)
    {
        var storage = await BlobPlace.Open(told, report)
            ?? new FileStorage(new FileStorageOptions { Directory = told.Data, Journal = told.Journal, OnNotice = notice => report($"{notice.Path}: {notice.Message}") });
        return new EmbeddedHost(await EmbeddedBroker.Start(new EmbeddedOptions
        {
            Storage = storage,
            DefaultAcks = told.Durable ? Acks.Durable : Acks.Accepted,
            Node = Environment.MachineName,
            OnReport = report,
        }), storage);
    }
}

using Microsoft.Extensions.DependencyInjection;

namespace OrleansMq.Streaming.Tests;

/// <summary>The broker of a story: embedded in this process, and the same for all silos.</summary>
public sealed class StoryBroker : IAsyncDisposable
{
    private readonly EmbeddedBroker _broker;

    private StoryBroker(EmbeddedBroker broker) => _broker = broker;

    /// <summary>Also while no silo runs.</summary>
    public IBroker Broker => _broker;

    public static async Task<StoryBroker> Make() => new(await EmbeddedBroker.InMemory());

    public IBroker Outside(IClusterClient client) => _broker;

    public void AddTo(ISiloBuilder silo) => silo.Services.AddSingleton<IBroker>(_broker);

    public void AddTo(IClientBuilder client) => client.Services.AddSingleton<IBroker>(_broker);

    public ValueTask DisposeAsync() => _broker.DisposeAsync();
}

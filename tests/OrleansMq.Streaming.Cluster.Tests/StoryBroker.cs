using Microsoft.Extensions.DependencyInjection;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Streaming.Tests;

/// <summary>The broker of a story: the silos themselves, whose storage outlives them.</summary>
public sealed class StoryBroker : IAsyncDisposable
{
    private readonly VolatileStorage _storage = new();

    public static Task<StoryBroker> Make() => Task.FromResult(new StoryBroker());

    public IBroker Outside(IClusterClient client) => client.ServiceProvider.GetRequiredService<IBroker>();

    /// <summary>Its documents lie in the silo's default grain storage.</summary>
    public void AddTo(ISiloBuilder silo) => silo.AddOrleansMq(options => options.Storage = _storage);

    public void AddTo(IClientBuilder client) => client.AddOrleansMq();

    public ValueTask DisposeAsync() => _storage.DisposeAsync();
}

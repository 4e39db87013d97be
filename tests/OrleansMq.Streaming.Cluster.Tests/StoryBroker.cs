using Microsoft.Extensions.DependencyInjection;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Streaming.Tests;

/// <summary>The broker of a story: the silos themselves, whose storage outlives them.</summary>
public sealed class StoryBroker : IAsyncDisposable
{
    // Longer than a silo takes to be found dead on Orleans' defaults.
    private readonly TimeSpan _retryFor = TimeSpan.FromSeconds(30);
    private readonly VolatileStorage _storage = new();
    private bool _isOver;

    public static Task<StoryBroker> Make() => Task.FromResult(new StoryBroker());

    public IBroker Outside(IClusterClient client)
    {
        ObjectDisposedException.ThrowIf(_isOver, this);
        return client.ServiceProvider.GetRequiredService<IBroker>();
    }

    public void AddTo(ISiloBuilder silo)
    {
        silo.AddOrleansMq(options => options.Storage = _storage);
        silo.AddOrleansMqGrainStorage(OrleansMqOptions.Name, _storage.Documents);
    }

    public void AddTo(IClientBuilder client) => client.AddOrleansMq(options => options.RetryFor = _retryFor);

    public ValueTask DisposeAsync()
    {
        _isOver = true;
        return _storage.DisposeAsync();
    }
}

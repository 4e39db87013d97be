using System.Globalization;
using Orleans.Serialization;
using Orleans.Storage;

namespace OrleansMq.Server.Tests;

/// <summary>Grain storage in this process that all silos of a test share and that outlives each of them, as a database would.</summary>
internal sealed class SharedGrainStorage(SharedGrainStates states, Serializer serializer) : IGrainStorage
{
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (states.Reading is { } reading)
            await reading(grainId);
        var found = states.Find(stateName, grainId);
        (grainState.RecordExists, grainState.ETag) = (found is not null, found?.ETag);
        grainState.State = found is { } stored ? serializer.Deserialize<T>(stored.Bytes) : Activator.CreateInstance<T>();
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var bytes = serializer.SerializeToArray(grainState.State);
        grainState.ETag = states.Put(stateName, grainId, grainState.ETag, bytes);
        grainState.RecordExists = true;
        if (states.Written is { } written)
            await written(grainId, bytes);
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        states.Clear(stateName, grainId, grainState.ETag);
        (grainState.ETag, grainState.RecordExists, grainState.State) = (null, false, Activator.CreateInstance<T>());
        return Task.CompletedTask;
    }
}

/// <summary>What is stored.</summary>
internal sealed class SharedGrainStates
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string, GrainId), Stored> _stored = [];
    private long _version;

    /// <summary>Called when something is stored, before the grain that wrote it goes on.</summary>
    public Func<GrainId, byte[], Task>? Written { get; set; }

    /// <summary>Called before something is read.</summary>
    public Func<GrainId, Task>? Reading { get; set; }

    public Stored? Find(string name, GrainId grain)
    {
        lock (_gate)
            return _stored.GetValueOrDefault((name, grain));
    }

    public string Put(string name, GrainId grain, string? etag, byte[] bytes)
    {
        lock (_gate)
        {
            Check(name, grain, etag);
            var next = (++_version).ToString(CultureInfo.InvariantCulture);
            _stored[(name, grain)] = new Stored(next, bytes);
            return next;
        }
    }

    public void Clear(string name, GrainId grain, string? etag)
    {
        lock (_gate)
        {
            Check(name, grain, etag);
            _stored.Remove((name, grain));
        }
    }

    private void Check(string name, GrainId grain, string? etag)
    {
        var there = _stored.GetValueOrDefault((name, grain))?.ETag;
        if (there != etag)
            throw new InconsistentStateException($"{grain} {name}: stored is {there}, expected {etag}.", there, etag);
    }

    internal sealed record Stored(string ETag, byte[] Bytes);
}

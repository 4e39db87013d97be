using System.Collections.Concurrent;
using Orleans.Serialization;
using Orleans.Storage;

namespace OrleansMq.Streaming.Tests;

/// <summary>Grain storage that outlives silos and clusters of this process, and fails where a story asks for it.</summary>
public sealed class KeptGrainStorage(Serializer serializer, KeptGrainStorage.Shelf shelf) : IGrainStorage
{
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (shelf.Documents.TryGetValue($"{stateName}/{grainId}", out var found))
            (grainState.State, grainState.ETag, grainState.RecordExists) = (serializer.Deserialize<T>(found.Bytes), found.ETag, true);
        else
            (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null, false);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var failure = shelf.Fails?.Invoke(grainId);
        if (failure == WriteFailure.BeforeTheWrite)
            throw new IOException("The store is away.");
        var key = $"{stateName}/{grainId}";
        var now = shelf.Documents.TryGetValue(key, out var found) ? found.ETag : null;
        if (now != grainState.ETag)
            throw new InconsistentStateException("Another write was first.", now ?? "", grainState.ETag ?? "");
        var etag = Guid.NewGuid().ToString("N");
        shelf.Documents[key] = (serializer.SerializeToArray(grainState.State), etag);
        if (failure == WriteFailure.AfterTheWrite)
            throw new IOException("The store's answer was lost.");
        (grainState.ETag, grainState.RecordExists) = (etag, true);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        shelf.Documents.TryRemove($"{stateName}/{grainId}", out _);
        (grainState.ETag, grainState.RecordExists) = (null, false);
        return Task.CompletedTask;
    }

    public sealed class Shelf
    {
        public ConcurrentDictionary<string, (byte[] Bytes, string ETag)> Documents { get; } = new();

        public Func<GrainId, WriteFailure>? Fails { get; set; }
    }
}

public enum WriteFailure
{
    None,
    BeforeTheWrite,
    AfterTheWrite,
}

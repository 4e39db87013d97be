using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Clustering;

/// <summary>Grains' state as documents: a document a state, its version the ETag.</summary>
/// <remarks>
/// A write whose outcome is unknown (the storage failed in the middle) comes back as the storage's own exception; Orleans ends the
/// activation, and the next one reads what is there. What is cleared is deleted; versions of a key never come again, so an old ETag
/// never fits by accident.
/// </remarks>
internal sealed class DocumentGrainStorage(string name, string serviceId, IDocuments documents, IGrainStorageSerializer serializer, IActivatorProvider activators) : IGrainStorage
{
    private const int LongestKey = 1024;

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (await documents.Get(KeyOf(stateName, grainId)) is not { } stored)
        {
            Reset(grainState);
            return;
        }
        grainState.State = serializer.Deserialize<T>(new BinaryData(stored.Bytes)) ?? activators.GetActivator<T>().Create();
        grainState.ETag = EtagOf(stored.Version);
        grainState.RecordExists = true;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var bytes = serializer.Serialize(grainState.State).ToMemory();
        var version = await Expecting(grainState.ETag, grainId, expected => documents.Put(KeyOf(stateName, grainId), bytes, expected));
        grainState.ETag = EtagOf(version);
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var key = KeyOf(stateName, grainId);
        await Expecting(grainState.ETag, grainId, async expected =>
        {
            if (expected > 0)
                await documents.Delete(key, expected);
            else if (await documents.Get(key) is not null)
                throw new DocumentConflictException($"Document '{key}' is there; none was expected.");
            return 0;
        });
        Reset(grainState);
    }

    private void Reset<T>(IGrainState<T> grainState)
    {
        grainState.State = activators.GetActivator<T>().Create();
        grainState.ETag = null;
        grainState.RecordExists = false;
    }

    private async ValueTask<long> Expecting(string? etag, GrainId grain, Func<long, ValueTask<long>> write)
    {
        try
        {
            return await write(VersionOf(etag));
        }
        catch (DocumentConflictException e)
        {
            throw new InconsistentStateException($"Grain {grain}, storage '{name}': {e.Message}", "unknown", etag, e);
        }
    }

    private static long VersionOf(string? etag)
    {
        if (string.IsNullOrEmpty(etag))
            return 0;
        return long.TryParse(etag, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0
            ? version
            : throw new InconsistentStateException($"'{etag}' is no ETag of ours; did the grain's storage change?");
    }

    private static string EtagOf(long version) => version.ToString(CultureInfo.InvariantCulture);

    private string KeyOf(string stateName, GrainId grainId)
    {
        var key = $"orleans/grains/{Escaped(serviceId)}/{Escaped(name)}/{Escaped(stateName)}/{grainId}";
        return key.Length <= LongestKey ? key : $"orleans/grains-by-hash/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}";
    }

    /// <summary>So that a slash in a name never moves a key into another's place.</summary>
    private static string Escaped(string part) => Uri.EscapeDataString(part);
}

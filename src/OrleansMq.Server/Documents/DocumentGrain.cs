using OrleansMq.Engine.Storage;

namespace OrleansMq.Server.Documents;

/// <summary>One document that no single topic or group owns: a shard of the names, a producer's epoch. Its key is the document's.</summary>
[Alias("OrleansMq.IDocumentGrain")]
internal interface IDocumentGrain : IGrainWithStringKey
{
    [Alias("Get"), ResponseTimeout("00:00:10")]
    Task<DocumentAnswer> Get();

    [Alias("Put"), ResponseTimeout("00:00:10")]
    Task<DocumentAnswer> Put([Immutable] byte[] bytes, long expectedVersion);

    [Alias("Delete"), ResponseTimeout("00:00:10")]
    Task<DocumentAnswer> Delete(long expectedVersion);
}

/// <param name="Bytes">Null: there is none.</param>
/// <param name="Conflict">Nothing was written: the version was not the expected one.</param>
[GenerateSerializer, Immutable, Alias("OrleansMq.DocumentAnswer")]
internal readonly record struct DocumentAnswer(byte[]? Bytes, long Version, bool Conflict);

internal sealed class DocumentGrain : Grain, IDocumentGrain
{
    private readonly OwnDocuments _documents;

    public DocumentGrain(IGrainContext context, BrokerSilo silo) => _documents = silo.DocumentsOf(context, DeactivateOnIdle);

    private string Key => this.GetPrimaryKeyString();

    public async Task<DocumentAnswer> Get() => await _documents.Get(Key) is { } found ? new DocumentAnswer(found.Bytes.ToArray(), found.Version, false) : default;

    public async Task<DocumentAnswer> Put(byte[] bytes, long expectedVersion)
    {
        try
        {
            return new DocumentAnswer(null, await _documents.Put(Key, bytes, expectedVersion), false);
        }
        catch (DocumentConflictException)
        {
            return new DocumentAnswer(null, 0, true);
        }
    }

    public async Task<DocumentAnswer> Delete(long expectedVersion)
    {
        try
        {
            await _documents.Delete(Key, expectedVersion);
            return default;
        }
        catch (DocumentConflictException)
        {
            return new DocumentAnswer(null, 0, true);
        }
    }
}

/// <summary>The document port over <see cref="DocumentGrain"/>, for whoever owns no document himself.</summary>
internal sealed class GrainDocuments(IGrainFactory grains) : IDocuments
{
    public async ValueTask<Document?> Get(string key) =>
        await GrainCalls.Ask(() => Grain(key).Get()) is { Bytes: { } bytes, Version: var version } ? new Document(bytes, version) : null;

    public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
    {
        var copy = bytes.ToArray();
        var answer = await GrainCalls.Ask(() => Grain(key).Put(copy, expectedVersion));
        return answer.Conflict ? throw Conflict(key, expectedVersion) : answer.Version;
    }

    public async ValueTask Delete(string key, long expectedVersion)
    {
        if ((await GrainCalls.Ask(() => Grain(key).Delete(expectedVersion))).Conflict)
            throw Conflict(key, expectedVersion);
    }

    private IDocumentGrain Grain(string key) => grains.GetGrain<IDocumentGrain>(key);

    private static DocumentConflictException Conflict(string key, long expected) => new($"'{key}' is not at version {expected} any more.");
}

/// <summary>A grain's documents: its own, and the shards of the names of all that are like it.</summary>
/// <param name="names">How the keys of those shards begin.</param>
internal sealed class SharedNames(IDocuments own, IDocuments shared, string names) : IDocuments
{
    public ValueTask<Document?> Get(string key) => Place(key).Get(key);

    public ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion) => Place(key).Put(key, bytes, expectedVersion);

    public ValueTask Delete(string key, long expectedVersion) => Place(key).Delete(key, expectedVersion);

    private IDocuments Place(string key) => key.StartsWith(names, StringComparison.Ordinal) ? shared : own;
}

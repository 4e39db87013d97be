using OrleansMq.Access;
using OrleansMq.Engine.Storage;
using OrleansMq.Webhooks;

namespace OrleansMq.Silo;

/// <summary>One of the broker's documents, where every node of a cluster finds it.</summary>
internal abstract class StoredDocument(IDocuments documents, string key)
{
    protected ValueTask<Document?> Found() => documents.Get(key);

    /// <returns>Null: somebody else wrote first.</returns>
    public async ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default)
    {
        try
        {
            return await documents.Put(key, bytes, expectedVersion);
        }
        catch (DocumentConflictException)
        {
            return null;
        }
    }
}

/// <summary>Users and rules.</summary>
internal sealed class DocumentAccessStore(IDocuments documents) : StoredDocument(documents, "access/directory"), IAccessStore
{
    public string Place => "the broker's documents";

    public bool ReadOnly => false;

    public async ValueTask<StoredAccess?> Load(CancellationToken cancel = default) => await Found() is { } found ? new StoredAccess(found.Bytes, found.Version) : null;
}

/// <summary>Webhooks that are registered with the broker.</summary>
internal sealed class DocumentWebhookStore(IDocuments documents) : StoredDocument(documents, "webhooks/directory"), IWebhookStore
{
    public async ValueTask<StoredWebhooks?> Load(CancellationToken cancel = default) => await Found() is { } found ? new StoredWebhooks(found.Bytes, found.Version) : null;
}

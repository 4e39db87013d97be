using OrleansMq.Access;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Silo;

/// <summary>Users and rules in the broker's documents, where every node of a cluster finds them.</summary>
internal sealed class DocumentAccessStore(IDocuments documents) : IAccessStore
{
    private const string Key = "access/directory";

    public string Place => "the broker's documents";

    public bool ReadOnly => false;

    public async ValueTask<StoredAccess?> Load(CancellationToken cancel = default) =>
        await documents.Get(Key) is { } found ? new StoredAccess(found.Bytes, found.Version) : null;

    public async ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default)
    {
        try
        {
            return await documents.Put(Key, bytes, expectedVersion);
        }
        catch (DocumentConflictException)
        {
            return null;
        }
    }
}

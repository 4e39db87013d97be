using OrleansMq.Engine.Storage;

namespace OrleansMq.Clustering;

/// <summary>Reads and replaces a cluster's <see cref="MembershipDocument"/> by compare-and-swap.</summary>
internal sealed class MembershipStore(IDocuments documents, string clusterId)
{
    private readonly string _key = KeyOf(clusterId);

    public static string KeyOf(string clusterId) => $"orleans/membership/{clusterId}";

    public async Task<MembershipDocument?> TryRead() =>
        await documents.Get(_key) is { } stored ? MembershipDocument.Decode(stored.Bytes, _key) : null;

    /// <exception cref="OrleansException">There is no table.</exception>
    public async Task<MembershipDocument> Read() =>
        await TryRead() ?? throw new OrleansException($"Document '{_key}' is missing: no silo of cluster '{clusterId}' has made its membership table here.");

    /// <summary>Somebody else's making is as good.</summary>
    public async Task Make()
    {
        if (await documents.Get(_key) is not null)
            return;
        try
        {
            await documents.Put(_key, MembershipDocument.New().Encode(), 0);
        }
        catch (DocumentConflictException)
        {
        }
    }

    /// <summary>
    /// Decides on the newest table and writes what was decided; again where somebody wrote in between. Each round that is lost is
    /// another's that was won, so somebody always gets on.
    /// </summary>
    /// <param name="decide">Null: refused, nothing is written. The same object: nothing to write.</param>
    /// <returns>Whether it was not refused.</returns>
    public async Task<bool> Change(Func<MembershipDocument, MembershipDocument?> decide)
    {
        while (true)
        {
            var stored = await documents.Get(_key) ?? throw new OrleansException($"Document '{_key}' is missing: the membership table of cluster '{clusterId}' was deleted.");
            var present = MembershipDocument.Decode(stored.Bytes, _key);
            var decided = decide(present);
            if (decided is null || ReferenceEquals(decided, present))
                return decided is not null;
            try
            {
                await documents.Put(_key, decided.Encode(), stored.Version);
                return true;
            }
            catch (DocumentConflictException)
            {
            }
        }
    }

    public async Task Delete()
    {
        while (await documents.Get(_key) is { } stored)
        {
            try
            {
                await documents.Delete(_key, stored.Version);
            }
            catch (DocumentConflictException)
            {
            }
        }
    }
}

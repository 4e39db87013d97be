namespace OrleansMq.Engine.Storage;

/// <summary>Documents in memory. A deleted one leaves its version behind, so that versions never come again.</summary>
internal sealed class VolatileDocuments : IDocuments
{
    private const int LongestKey = 1024;

    private readonly Dictionary<string, Document> _documents = new(StringComparer.Ordinal);

    // The highest version ever deleted: a new document begins above it.
    private long _floor;

    public ValueTask<Document?> Get(string key)
    {
        if (key.Length is 0 or > LongestKey)
            return ValueTask.FromException<Document?>(BadKey(key));
        lock (_documents)
            return ValueTask.FromResult(_documents.GetValueOrDefault(key));
    }

    public ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
    {
        if (key.Length is 0 or > LongestKey)
            return ValueTask.FromException<long>(BadKey(key));
        lock (_documents)
        {
            var present = _documents.GetValueOrDefault(key)?.Version ?? 0;
            if (present != expectedVersion)
                return ValueTask.FromException<long>(Conflict(key, present, expectedVersion));
            var version = Math.Max(present, _floor) + 1;
            _documents[key] = new Document(bytes.ToArray(), version);
            return ValueTask.FromResult(version);
        }
    }

    public ValueTask Delete(string key, long expectedVersion)
    {
        if (key.Length is 0 or > LongestKey)
            return ValueTask.FromException(BadKey(key));
        lock (_documents)
        {
            var present = _documents.GetValueOrDefault(key)?.Version ?? 0;
            if (present == 0 || present != expectedVersion)
                return ValueTask.FromException(Conflict(key, present, expectedVersion));
            _documents.Remove(key);
            _floor = Math.Max(_floor, present);
            return default;
        }
    }

    private static ArgumentException BadKey(string key) => new($"A document's key has 1 to {LongestKey} characters, not {key.Length}.");

    private static DocumentConflictException Conflict(string key, long present, long expected) =>
        new($"Document '{key}' has version {present}; {expected} was expected.");
}

namespace OrleansMq.Engine.Storage;

/// <summary>Small documents, each with a version; a write names the version it replaces.</summary>
/// <remarks>Keys are paths of printable characters, at most 1,024 of them, for example <c>topics/orders</c>. Any character may occur: an implementation escapes.</remarks>
public interface IDocuments
{
    ValueTask<Document?> Get(string key);

    /// <summary>Writes durably if the version is still <paramref name="expectedVersion"/> (0: if there is none).</summary>
    /// <returns>The new version, greater than every earlier one of this key.</returns>
    /// <exception cref="DocumentConflictException">Somebody else wrote first.</exception>
    /// <exception cref="LogFullException">No space; nothing changed.</exception>
    ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion);

    /// <summary>Deletes durably if the version is still the expected one; a document that is gone is a conflict.</summary>
    ValueTask Delete(string key, long expectedVersion);
}

/// <summary>A document as read.</summary>
public sealed record Document(ReadOnlyMemory<byte> Bytes, long Version);

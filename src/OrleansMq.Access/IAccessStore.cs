namespace OrleansMq.Access;

/// <summary>Where users and rules are kept: one small document with a version.</summary>
public interface IAccessStore
{
    /// <summary>For messages: <c>the broker's documents</c>, or the file's path.</summary>
    string Place { get; }

    /// <summary>Somebody else writes it.</summary>
    bool ReadOnly { get; }

    /// <returns>Null: nothing is stored yet.</returns>
    /// <exception cref="IOException">It can't be read.</exception>
    ValueTask<StoredAccess?> Load(CancellationToken cancel = default);

    /// <summary>Writes durably if the version is still <paramref name="expectedVersion"/> (0: if there is nothing).</summary>
    /// <returns>The new version; null where somebody else wrote first.</returns>
    ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default);
}

public sealed record StoredAccess(ReadOnlyMemory<byte> Bytes, long Version);

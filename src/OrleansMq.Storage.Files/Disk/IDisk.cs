namespace OrleansMq.Storage.Files.Disk;

/// <summary>
/// The few operations of a file system that the storage stands on, with their real meaning left visible: what is written is in the
/// page cache until <see cref="IDiskFile.Flush"/>, and a name made, renamed or removed is there for good only after
/// <see cref="FlushDirectory"/>. Everything is synchronous; the storage runs it on an <see cref="IIoScheduler"/>.
/// </summary>
/// <remarks>
/// Every operation throws <see cref="DiskException"/> and nothing else. Implementations: <see cref="PosixDisk"/>,
/// <see cref="PortableDisk"/>, and the simulator's disk.
/// </remarks>
public interface IDisk
{
    /// <exception cref="DiskException"><see cref="DiskError.Missing"/> if there is no file and the mode does not make one.</exception>
    IDiskFile Open(string path, DiskOpenMode mode);

    /// <summary>Gives a file its new name at once, replacing a file of that name; also moves a directory.</summary>
    void Rename(string from, string to);

    void Remove(string path);

    /// <summary>Makes one directory; one that exists is not an error.</summary>
    /// <returns>Whether it was made now.</returns>
    bool MakeDirectory(string path);

    /// <summary>Removes an empty directory.</summary>
    void RemoveDirectory(string path);

    /// <summary>
    /// Gives a file new content, durably: the old or the new is there whatever happens. A <see cref="DiskException.IsRefusal"/> means
    /// that nothing changed; after another error either may be there.
    /// </summary>
    void Replace(string path, params ReadOnlySpan<ReadOnlyMemory<byte>> pieces) => Durably.ReplaceByName(this, path, pieces);

    /// <summary>Returns when the names in this directory are durable.</summary>
    void FlushDirectory(string path);

    /// <summary>The names in a directory in ordinal order.</summary>
    /// <exception cref="DiskException"><see cref="DiskError.Missing"/> if there is none.</exception>
    IReadOnlyList<DiskEntry> List(string path);

    /// <summary>Holds a lock file until it is disposed of, or the process ends.</summary>
    /// <param name="shared">Beside other shared holders; the file must exist.</param>
    /// <exception cref="DiskException"><see cref="DiskError.Locked"/> if somebody else holds it.</exception>
    IDisposable Lock(string path, bool shared);
}

/// <summary>An open file. Reads and writes name their place, so that threads share it.</summary>
public interface IDiskFile : IDisposable
{
    /// <summary>The length as the page cache has it.</summary>
    long Length { get; }

    /// <summary>Writes all bytes; after an error an unknown part of them is written.</summary>
    void Write(ReadOnlySpan<byte> bytes, long offset);

    /// <summary>Reads up to the destination's length, fewer at the end of the file.</summary>
    int Read(Span<byte> destination, long offset);

    /// <summary>Reads what the page cache holds; false if the disk would have to be waited for.</summary>
    bool TryReadCached(Span<byte> destination, long offset, out int count);

    /// <summary>
    /// Returns when the bytes and what is needed to find them are durable. After an error they never will be: the system may have
    /// dropped the pages and would say yes the next time.
    /// </summary>
    void Flush();

    /// <summary>Cuts or extends with zeros; cutting gives reserved space beyond the length back.</summary>
    void SetLength(long length);

    /// <summary>Reserves space without changing the length, so that a full disk shows here and not at the flush.</summary>
    void Reserve(long offset, long count);
}

/// <summary>How a file is opened.</summary>
public enum DiskOpenMode
{
    Read,
    ReadWrite,

    /// <summary>Makes the file, readable by its owner alone, or empties the one that is there.</summary>
    Create,
}

/// <summary>A name in a directory.</summary>
public readonly record struct DiskEntry(string Name, bool IsDirectory);

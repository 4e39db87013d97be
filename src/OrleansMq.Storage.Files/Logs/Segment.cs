using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>
/// One file of a log. It is open while somebody uses it or it holds bytes that are not flushed (a descriptor that is closed takes
/// the news of a failed write with it), and otherwise as long as <see cref="OpenSegments"/> has room.
/// </summary>
/// <param name="storedEnd">Where the bytes of one that was rewritten end; behind it, up to the next segment, zeros are read. Null: it was not.</param>
internal sealed class Segment(IDisk disk, string path, long basePosition, long? storedEnd = null)
{
    private readonly Lock _gate = new();
    private IDiskFile? _file;
    private int _users;
    private bool _removed;

    public long Base { get; } = basePosition;

    public string Path { get; } = path;

    public long? StoredEnd { get; } = storedEnd;

    /// <summary>Where the last append to this segment ended; above <see cref="FlushedTo"/> there is something to lose.</summary>
    public long WrittenTo;

    public long FlushedTo;

    /// <summary>File offset up to which space is reserved. Owned by the appender.</summary>
    public long ReservedTo;

    /// <summary>This segment's place in the list of open ones. Owned by <see cref="OpenSegments"/>.</summary>
    internal LinkedListNode<Segment>? Place;

    public long OffsetOf(long position) => SegmentHeader.Size + position - Base;

    /// <summary>Bytes of segments that follow one another up to an end; what a rewriting left out is not among them.</summary>
    public static long StoredBytes(Segment[] segments, long end)
    {
        var bytes = 0L;
        for (var i = 0; i < segments.Length; i++)
            bytes += (segments[i].StoredEnd ?? (i + 1 < segments.Length ? segments[i + 1].Base : end)) - segments[i].Base;
        return bytes;
    }

    /// <summary>The one that begins at a position, unless it is the one being written; null where there is none.</summary>
    public static int? IndexOfFull(Segment[] segments, long from) =>
        Array.FindIndex(segments, segment => segment.Base == from) is >= 0 and var index && index < segments.Length - 1 ? index : null;

    /// <summary>Gives the open file until <see cref="Release"/>, or null if the segment was removed.</summary>
    public IDiskFile? Acquire()
    {
        lock (_gate)
        {
            if (_removed)
                return null;
            _file ??= disk.Open(Path, DiskOpenMode.ReadWrite);
            _users++;
            return _file;
        }
    }

    public void Release()
    {
        lock (_gate)
        {
            if (--_users == 0 && _removed)
                Close();
        }
    }

    /// <summary>Takes a file that was just made.</summary>
    public void Adopt(IDiskFile file)
    {
        lock (_gate)
            _file = file;
    }

    /// <summary>Closes the file if nobody misses it.</summary>
    public bool CloseIfIdle()
    {
        lock (_gate)
        {
            if (_users > 0 || Volatile.Read(ref WrittenTo) > Volatile.Read(ref FlushedTo))
                return false;
            Close();
            return true;
        }
    }

    /// <summary>Nobody acquires it any more; who has it reads on.</summary>
    public void Retire()
    {
        lock (_gate)
        {
            _removed = true;
            if (_users == 0)
                Close();
        }
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }
}

using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>
/// The snapshots of one log: the last two that were good, so that one may be damaged. They stay on the disk; each reading checks again.
/// </summary>
internal sealed class SnapshotShelf(IDisk disk, string folder, LogIdentity log)
{
    private const int Kept = 2;

    // Ascending; swapped whole, so that readers need no lock.
    private volatile long[] _good = [];

    /// <summary>The newest that reads back.</summary>
    public LogSnapshot? Newest => _good.Reverse().Select(Read).FirstOrDefault(snapshot => snapshot is not null);

    /// <summary>The log was that long when it was looked at: the highest position that a snapshot has in its name, whether it reads back or not.</summary>
    public long Reach { get; private set; }

    /// <summary>Looks at what is there. One before the log's start is of no use: what to replay from it is gone.</summary>
    /// <exception cref="LogDamagedException">One lies beyond the log's end, also one that does not read back: bytes that were flushed are missing.</exception>
    public void Survey(long start, long end, Action<StorageNotice> notice)
    {
        var good = new List<long>();
        foreach (var position in Positions())
        {
            var path = PathOf(position);
            if (position > end)
                throw new LogDamagedException($"{path}: the snapshot was taken at position {position}, but the log ends at {end}: bytes that were durable are missing.");
            Reach = Math.Max(Reach, position);
            using var snapshot = Read(position);
            if (snapshot is null)
                notice(new StorageNotice(path, "The snapshot does not read back as written; the one before it is used."));
            else if (position < start)
                notice(new StorageNotice(path, $"The snapshot at position {position} lies before the log's start {start} and is passed over."));
            else
                good.Add(position);
        }
        _good = [.. good];
    }

    public void Save(long position, ReadOnlyMemory<byte> state)
    {
        disk.Replace(PathOf(position), SnapshotFile.EncodeHeader(log, position, state.Span), state);
        _good = [.. _good.Where(other => other < position).TakeLast(Kept - 1), position];
        foreach (var other in Positions().Except(_good))
            disk.RemoveIfPossible(PathOf(other));
    }

    /// <summary>Removes, durably, those that stand above a position that is about to be cut off.</summary>
    public void RemoveAbove(long position)
    {
        _good = [.. _good.Where(other => other <= position)];
        foreach (var other in Positions().Where(other => other > position))
            disk.Remove(PathOf(other));
        disk.FlushNames(folder);
    }

    /// <summary>
    /// Null if it is damaged. A disk that can't be read is another matter: falling back then would lose a good snapshot to an error
    /// that may pass.
    /// </summary>
    private LogSnapshot? Read(long position) => SnapshotFile.Read(disk, PathOf(position), log, position);

    private List<long> Positions()
    {
        var positions = new List<long>();
        foreach (var entry in disk.List(folder))
        {
            if (SnapshotFile.TryParseName(entry.Name, out var position))
                positions.Add(position);
        }
        return positions;
    }

    private string PathOf(long position) => Path.Join(folder, SnapshotFile.FileName(position));
}

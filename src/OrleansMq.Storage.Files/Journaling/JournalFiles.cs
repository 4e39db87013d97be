using System.Buffers;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// The journal's two files, written by turns from the beginning: one that was written through is written over, which flushes faster than growing.
/// Owned by whoever writes the journal at the moment.
/// </summary>
internal sealed class JournalFiles(IDisk disk, string folder, long capacity, Func<ulong> drawSalt) : IDisposable
{
    /// <summary>Room behind the capacity for what says that records are settled: two such for each batch at most.</summary>
    private const int RoomForSettled = 4096;

    private Area[] _areas = [];
    private int _current;
    private int _lastFile;
    private long _lastBatch;

    /// <summary>The highest record in the file that is written, and in the other.</summary>
    public long LastRecord => _areas[_current].LastRecord;

    public long LastRecordOfOther => _areas[1 - _current].LastRecord;

    /// <summary>Whether a batch would go beyond the capacity, and the other file is the better place.</summary>
    public bool IsFull(int length) => _areas[_current].End > 0 && _areas[_current].End + length > capacity;

    /// <summary>
    /// Begins anew with files that say first that everything up to a record is settled; only then the files from before go. Nothing but new files is written,
    /// so that it helps where the ones from before can't be written any more.
    /// </summary>
    public void Renew(long settled, long lastBatch, int lastFile)
    {
        (_lastBatch, _lastFile) = (Math.Max(_lastBatch, lastBatch), Math.Max(_lastFile, lastFile));
        disk.MakeDirectoryDurably(folder);
        var before = disk.List(folder).Where(entry => JournalName.TryParse(entry.Name) is not null).Select(entry => Path.Join(folder, entry.Name)).ToList();
        var made = new List<Area>();
        try
        {
            made.Add(Make(settled));
            made.Add(Make(settled));
            Append(made[0], Settling(settled), settled, 1);
            disk.FlushNames(folder);
        }
        catch (DiskException)
        {
            foreach (var area in made)
            {
                area.File.Dispose();
                disk.RemoveIfPossible(area.Path);
            }
            throw;
        }
        Close();
        (_areas, _current) = ([.. made], 0);
        foreach (var path in before)
            disk.RemoveIfPossible(path);
    }

    /// <param name="batch">Room for the header, then the records.</param>
    public void Write(ArrayBufferWriter<byte> batch, long firstRecord, int count) => Append(_areas[_current], batch, firstRecord, count);

    /// <summary>Says that everything up to a record is settled. There is room beyond the capacity for it.</summary>
    public void WriteSettled(long settled) => Append(_areas[_current], Settling(settled), LastRecord, 1);

    /// <summary>Goes on in the other file. What it holds was settled, and the file that is left says so.</summary>
    public void Switch()
    {
        _current = 1 - _current;
        _areas[_current].End = 0;
    }

    public void Dispose() => Close();

    private Area Make(long settled)
    {
        var name = new JournalName(++_lastFile, drawSalt());
        var path = Path.Join(folder, name.ToString());
        var area = new Area(path, name.Salt, disk.Open(path, DiskOpenMode.Create)) { LastRecord = settled };
        try
        {
            area.File.Reserve(0, capacity + RoomForSettled);
            area.File.SetLength(capacity + RoomForSettled);
            area.File.Flush();
            return area;
        }
        catch (DiskException)
        {
            area.File.Dispose();
            disk.RemoveIfPossible(path);
            throw;
        }
    }

    private static ArrayBufferWriter<byte> Settling(long settled)
    {
        var batch = new ArrayBufferWriter<byte>();
        Begin(batch);
        JournalRecord.Encode(batch, JournalKind.Settled, "", settled);
        return batch;
    }

    /// <summary>Leaves room for a batch's header.</summary>
    public static void Begin(ArrayBufferWriter<byte> batch)
    {
        batch.GetSpan(JournalBatch.HeaderSize)[..JournalBatch.HeaderSize].Clear();
        batch.Advance(JournalBatch.HeaderSize);
    }

    private void Append(Area area, ArrayBufferWriter<byte> batch, long firstRecord, int count)
    {
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsMemory(batch.WrittenMemory).Span;
        JournalBatch.EncodeHeader(bytes, area.Salt, ++_lastBatch, firstRecord, count);
        area.File.OverwriteInUse(bytes, area.End);
        area.File.FlushInUse();
        area.End += JournalBatch.Aligned(bytes.Length);
        area.LastRecord = Math.Max(area.LastRecord, firstRecord + count - 1);
    }

    private void Close()
    {
        foreach (var area in _areas)
            area.File.Dispose();
        _areas = [];
    }

    private sealed class Area(string path, ulong salt, IDiskFile file)
    {
        public string Path { get; } = path;

        public ulong Salt { get; } = salt;

        public IDiskFile File { get; } = file;

        /// <summary>Where the next batch goes.</summary>
        public long End;

        public long LastRecord;
    }
}

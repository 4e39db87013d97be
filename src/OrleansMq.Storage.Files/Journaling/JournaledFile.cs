using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// A file whose small writes are made durable by the journal. Many bytes are flushed where they lie, and so is a file that is flushed while no other is:
/// then the journal would only write everything twice.
/// </summary>
internal sealed class JournaledFile(IDiskFile file, JournaledDisk disk, Journal journal, string path, string relative, JournalSharing sharing) : IDiskFile
{
    private readonly Lock _gate = new();
    private UnflushedWrites _writes = new();
    private bool _lengthChanged;

    public long Length => file.Length;

    /// <summary>What is noted was done: a flush that comes between flushes it once more.</summary>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        file.Write(bytes, offset);
        lock (_gate)
            _writes.Add(bytes, offset, keep: _writes.Count + bytes.Length <= sharing.Bytes || MustFollow(Math.Min(_writes.From, offset)));
    }

    public int Read(Span<byte> destination, long offset) => file.Read(destination, offset);

    public bool TryReadCached(Span<byte> destination, long offset, out int count) => file.TryReadCached(destination, offset, out count);

    public void Flush()
    {
        journal.ThrowIfLost();
        journal.EnterFlush();
        try
        {
            using var writes = Take(out var lengthChanged);
            var mustFollow = !writes.IsEmpty && MustFollow(writes.From);
            if (writes.IsEmpty || lengthChanged || writes.AreDropped || (!mustFollow && IsAlone()))
                FlushReally();
            else
                mustFollow = true;
            if (mustFollow && writes.AreDropped)
                journal.SettleAll();
            else if (mustFollow)
                Commit(writes);
        }
        finally
        {
            journal.LeaveFlush();
        }
    }

    /// <summary>A cut below what the journal writes goes through it, or its records would bring back what was cut off.</summary>
    public void SetLength(long length)
    {
        lock (_gate)
        {
            if (MustFollow(Math.Min(length, _writes.From)))
            {
                Commit(_writes);
                _writes.Dispose();
                journal.CommitThen(JournalKind.Shorten, relative, length, [], () => file.SetLength(length));
            }
            else
            {
                file.SetLength(length);
            }
            _lengthChanged = true;
        }
    }

    public void Reserve(long offset, long count) => file.Reserve(offset, count);

    public void Dispose()
    {
        file.Dispose();
        lock (_gate)
            _writes.Dispose();
    }

    private UnflushedWrites Take(out bool lengthChanged)
    {
        lock (_gate)
        {
            var taken = _writes;
            (_writes, lengthChanged, _lengthChanged) = (new UnflushedWrites(), _lengthChanged, false);
            return taken;
        }
    }

    private bool MustFollow(long offset) => journal.Locked(live => live.Find(relative)?.MustFollow(offset) == true);

    private bool IsAlone() => !sharing.WhenAlone && journal.Flushing == 1 && !journal.Locked(live => live.Find(relative) is { Made: > 0, NameIsFlushed: false });

    private void Commit(UnflushedWrites writes)
    {
        var (failures, last) = (journal.Failures, 0L);
        foreach (var (offset, bytes) in writes.Ranges())
            last = journal.Add(JournalKind.Write, relative, offset, bytes);
        journal.Commit(last, failures);
    }

    private void FlushReally()
    {
        try
        {
            file.Flush();
        }
        catch (DiskException e) when (journal.Locked(live => live.Find(relative) is not null))
        {
            journal.Lose(e);
            throw;
        }
        disk.FlushNamesOf(path, relative);
    }
}

/// <summary>What goes through the journal.</summary>
/// <param name="Bytes">At most so many of one file.</param>
/// <param name="WhenAlone">Also where nobody else flushes.</param>
internal readonly record struct JournalSharing(int Bytes, bool WhenAlone);

using System.Buffers;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// One flush for all: small changes of many files are written here together and are durable with that; the files themselves are written through the page
/// cache, and flushed later in the background. After a crash the records are applied to the files again.
/// </summary>
/// <remarks>
/// <para>Who commits first writes for everybody who waits. Records have the order in which they were added, and whoever adds keeps the order of what it does to one path.</para>
/// <para>Before a part of the journal is written over, the files that it speaks of are flushed and a record says that it is settled.</para>
/// </remarks>
/// <param name="root">The data folder; paths in records go on from it.</param>
/// <param name="io">Where checkpoints run in the background.</param>
internal sealed partial class Journal(IDisk disk, string root, JournalFiles files, IIoScheduler io, int helpers) : IDisposable
{
    private readonly object _gate = new();

    // Who waits for a batch, in the order of coming.
    private readonly List<JournalWaiter> _waiters = [];
    private readonly LivePaths _live = new();

    // Committed before they are done, and not done yet.
    private readonly SortedSet<long> _executing = [];
    private ArrayBufferWriter<byte> _pending = new();
    private ArrayBufferWriter<byte> _written = new();
    private long _added;
    private long _committed;
    private long _settled;

    // A record that says that all up to another is settled, and is not committed yet.
    private (long Number, long UpTo) _settling;
    private bool _writing;
    private bool _closed;

    // The last write failed: whether its records are there is not known.
    private bool _isBroken;
    private long _failedTo;
    private int _failures;

    // Begun by whoever leads, and looked at by whoever leads.
    private Checkpoint? _background;

    // A file could not be flushed: what the journal holds of it is needed at the next start, so nothing is settled any more.
    private DiskException? _lost;
    private int _flushing;

    /// <summary>How many flushes are under way: alone, a file's own flush is as good.</summary>
    public int Flushing => Volatile.Read(ref _flushing);

    public void EnterFlush() => Interlocked.Increment(ref _flushing);

    public void LeaveFlush() => Interlocked.Decrement(ref _flushing);

    public T Locked<T>(Func<LivePaths, T> look)
    {
        lock (_gate)
            return look(_live);
    }

    /// <summary>Does what a journal from before says, durably.</summary>
    public void Apply(JournalImage image)
    {
        new JournalReplay(disk, root).Apply(image.Records.Select(numbered => numbered.Record));
        lock (_gate)
        {
            foreach (var (number, record) in image.Records)
                _live.Note(number, record, record.Content.Length);
            _added = _committed = image.LastRecord;
        }
        Begin(_added).Finish();
        Settle(_added);
    }

    /// <summary>Begins with new files after a journal that was applied.</summary>
    public void Start(JournalImage image) => files.Renew(image.LastRecord, image.LastBatch, image.LastFile);

    /// <summary>Adds a record of what was just done; it is durable after <see cref="Commit(long)"/>.</summary>
    public long Add(JournalKind kind, string path, long offset = 0, params ReadOnlySpan<ReadOnlyMemory<byte>> content)
    {
        lock (_gate)
            return AddNow(kind, path, offset, content);
    }

    /// <summary>Does what must not be there before its record is: the record first, then the deed.</summary>
    public void CommitThen(JournalKind kind, string path, long offset, ReadOnlySpan<ReadOnlyMemory<byte>> content, Action deed)
    {
        long number;
        int failures;
        lock (_gate)
        {
            _executing.Add(number = AddNow(kind, path, offset, content));
            failures = _failures;
        }
        try
        {
            Commit(number, failures);
            Do(deed);
        }
        finally
        {
            lock (_gate)
            {
                _executing.Remove(number);
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>
    /// What the journal says and could not be done is done at the next start; until then nothing else may be built upon it. It is never a refusal, whatever the system called it.
    /// </summary>
    private void Do(Action deed)
    {
        try
        {
            deed();
        }
        catch (DiskException e) when (e.Error != DiskError.Missing)
        {
            Lose(e);
            throw e.IsRefusal ? new DiskException(DiskError.Failed, e.Operation, e.Path, e.Message) : e;
        }
    }

    /// <summary>Returns when the record and all before it are durable.</summary>
    /// <exception cref="DiskException">It is not known whether they are.</exception>
    public void Commit(long number) => Commit(number, Failures);

    /// <summary>How often the journal could not be written. To be looked at before records are added that are committed together.</summary>
    public int Failures => Volatile.Read(ref _failures);

    /// <param name="failures">How many there were when the record was added: a later one may have been its own.</param>
    public void Commit(long number, int failures)
    {
        while (true)
        {
            JournalWaiter waiter;
            lock (_gate)
            {
                if (_committed >= number)
                    return;
                if (_failures != failures && number <= _failedTo)
                    throw new DiskException(DiskError.Failed, "commit", root, "the journal's flush failed");
                ThrowIfClosed();
                ThrowIfLost();
                if (!_writing)
                {
                    _writing = true;
                    break;
                }
                _waiters.Add(waiter = new JournalWaiter(number));
            }
            waiter.Wait();
        }
        Lead();
    }

    /// <summary>
    /// A flush of a file failed, and no later one of it can be believed. Nothing more is promised until the next start applies what the journal holds of it.
    /// </summary>
    public void Lose(DiskException failure)
    {
        lock (_gate)
            _lost ??= failure;
    }

    /// <exception cref="DiskException">A file could not be flushed.</exception>
    public void ThrowIfLost()
    {
        if (Volatile.Read(ref _lost) is { } failure)
            throw new DiskException(DiskError.Failed, failure.Operation, failure.Path, $"{failure.Message}: nothing is written until the program is started again, which applies the journal");
    }

    /// <summary>Settles everything, so that the next start finds nothing to do. After a failure it does find something.</summary>
    public void Dispose()
    {
        Leading(() =>
        {
            try
            {
                if (!_isBroken && _lost is null)
                {
                    WritePending();
                    SettleCommitted();
                }
            }
            finally
            {
                FinishBackground();
                lock (_gate)
                    _closed = true;
                files.Dispose();
            }
        });
    }

    private long AddNow(JournalKind kind, string path, long offset, ReadOnlySpan<ReadOnlyMemory<byte>> content)
    {
        if (_pending.WrittenCount == 0)
            JournalFiles.Begin(_pending);
        JournalRecord.Encode(_pending, kind, path, offset, content);
        var length = 0L;
        foreach (var piece in content)
            length += piece.Length;
        _live.Note(++_added, new JournalRecord(kind, path, offset, default), length);
        return _added;
    }

    private void Lead()
    {
        try
        {
            if (_isBroken)
                Renew();
            WritePending();
        }
        finally
        {
            StopLeading();
        }
    }

    private void WritePending()
    {
        long first, last;
        lock (_gate)
        {
            (_pending, _written) = (_written, _pending);
            (first, last) = (_committed + 1, _added);
        }
        if (first <= last)
            WriteBatch(first, last);
    }

    private void ThrowIfClosed()
    {
        if (_closed)
            throw new DiskException(DiskError.Failed, "commit", root, "the journal is closed");
    }

    private void Leading(Action work)
    {
        while (true)
        {
            JournalWaiter waiter;
            lock (_gate)
            {
                ThrowIfClosed();
                if (!_writing)
                {
                    _writing = true;
                    break;
                }
                _waiters.Add(waiter = new JournalWaiter(long.MaxValue));
            }
            waiter.Wait();
        }
        try
        {
            work();
        }
        finally
        {
            StopLeading();
        }
    }

    /// <summary>Wakes those whose batch was written, or failed, and one more, who leads the next.</summary>
    private void StopLeading()
    {
        List<JournalWaiter> woken;
        lock (_gate)
        {
            _writing = false;
            var known = _closed || _lost is not null ? long.MaxValue : Math.Max(_committed, _failedTo);
            var next = _waiters.Find(waiter => waiter.Number > known);
            woken = _waiters.FindAll(waiter => waiter.Number <= known || waiter == next);
            _waiters.RemoveAll(woken.Contains);
        }
        foreach (var waiter in woken)
            waiter.Wake();
    }

    private void WriteBatch(long first, long last)
    {
        try
        {
            if (files.IsFull(_written.WrittenCount))
                MakeRoom();
            files.Write(_written, first, (int)(last - first + 1));
        }
        catch (Exception e)
        {
            // Whatever it was: these records are not written, and nobody may be told that they are.
            Break(last);
            if (e is DiskException { IsRefusal: true } full)
                throw new DiskException(DiskError.Failed, full.Operation, full.Path, full.Message);
            throw;
        }
        finally
        {
            _written.ResetWrittenCount();
        }
        lock (_gate)
        {
            _committed = last;
            if (_settling.Number > 0 && _settling.Number <= last)
            {
                SettleNow(_settling.UpTo);
                _settling = default;
            }
        }
    }

    private void Break(long last)
    {
        lock (_gate)
        {
            _isBroken = true;
            _failedTo = last;
            _failures++;
        }
    }
}

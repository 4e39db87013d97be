using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>
/// One file of documents: each change is a <see cref="DocumentRecord"/> at its end, with one flush and no new file. When what no longer counts is more than what does, the file is
/// written anew.
/// </summary>
/// <remarks>
/// One call at a time, readers too: a record that is written but not yet durable must not be seen, and before the next is written it is durable. If a flush fails, the shard answers
/// nothing more until the folder is opened again.
/// </remarks>
/// <param name="number">Its place among the shards.</param>
/// <param name="ends">Of all shards.</param>
/// <param name="draw">Salts.</param>
/// <param name="largest">Bytes of the file.</param>
/// <param name="smallWaste">See <see cref="SmallWaste"/>.</param>
internal sealed class DocumentShard(IDisk disk, string documents, int number, ShardEnds ends, Func<ulong> draw, Action<StorageNotice> notify, int largest = DocumentShard.LargestFile, int smallWaste = DocumentShard.SmallWaste) : IDisposable
{
    /// <summary>What may not count before the file is written anew.</summary>
    internal const int SmallWaste = 64 << 10;

    /// <summary>Of one shard's file; positions in it, and the buffer into which it is read, have 31 bits.</summary>
    internal const int LargestFile = 1 << 30;

    private const int ReserveStep = 16 << 10;

    /// <summary>Kept free behind each put, so that a document can be deleted when the disk is full.</summary>
    private const int DeleteSpace = 4 << 10;

    private readonly string _path = Path.Join(documents, ShardNames.FileOf(number));
    private readonly Lock _turn = new();
    private ShardIndex _index = new();
    private IDiskFile? _file;
    private ulong _salt;
    private ulong _sequence;
    private KeyDigest _last;
    private long _end;
    private long _reservedTo;
    private long _rewriteAt;
    private bool _loaded;
    private Exception? _over;

    public Document? Get(string key, byte[] keyBytes) => InTurn(() => Load() ? Read(key, keyBytes) : null);

    public long Put(string key, byte[] keyBytes, ReadOnlyMemory<byte> content, long expectedVersion) => InTurn(() =>
    {
        LoadOrMake();
        var version = Math.Max(Expect(key, keyBytes, expectedVersion)?.Version ?? 0, _index.Floor) + 1;
        RewriteIfDue(content.Length + keyBytes.Length + 2 * DocumentRecord.Unit);
        Append(DocumentRecordKind.Put, version, keyBytes, content, DeleteSpace);
        return version;
    });

    public void Delete(string key, byte[] keyBytes, long expectedVersion) => InTurn(() =>
    {
        var present = Load() ? Expect(key, keyBytes, expectedVersion) : null;
        if (present is null)
            throw new DocumentConflictException($"Document '{key}' is gone; version {expectedVersion} was expected.");
        Append(DocumentRecordKind.Delete, present.Version, keyBytes, default, 0);
        return true;
    });

    public void Dispose()
    {
        lock (_turn)
        {
            // What was reserved stays: a document can be deleted on a full disk also after a start.
            Close();
            _over ??= new ObjectDisposedException(_path);
        }
    }

    private Document? Expect(string key, byte[] keyBytes, long expectedVersion)
    {
        var present = Read(key, keyBytes);
        return (present?.Version ?? 0) == expectedVersion
            ? present
            : throw new DocumentConflictException($"Document '{key}' has version {present?.Version ?? 0}; {expectedVersion} was expected.");
    }

    private Document? Read(string key, byte[] keyBytes)
    {
        var digest = KeyDigest.Of(keyBytes);
        if (_index.IsInDoubt(digest))
            throw Damaged(key);
        if (_index.Find(digest) is not { } place)
            return null;
        return RecordAt(place) is { } record && record.Key.Span.SequenceEqual(keyBytes) ? new Document(record.Content, record.Version) : throw Damaged(key);
    }

    private DocumentRecord? RecordAt(ShardIndex.Place place) => DocumentRecord.Decode(BytesAt(_file!, place.Offset, place.Size), place.Offset, number);

    /// <summary>A read that fails leaves nothing in doubt: only what is in it is not served.</summary>
    private ReadOnlyMemory<byte> BytesAt(IDiskFile file, long offset, long count)
    {
        try
        {
            var bytes = new byte[count];
            return bytes.AsMemory(0, file.ReadUpTo(bytes, offset));
        }
        catch (DiskException e) when (!e.IsRefusal)
        {
            throw new LogFailedException($"Documents {_path}: {e.Message}.", e);
        }
    }

    private LogDamagedException Damaged(string key) =>
        new($"{_path}: the document '{key}' does not read back as written, or can't be told from one that doesn't. Look at it with mq doctor, or {ShardEnds.Cure}.");

    private void LoadOrMake()
    {
        if (!Load())
            Begin([]);
    }

    /// <returns>False if there is nothing yet.</returns>
    private bool Load()
    {
        if (_loaded)
            return _file is not null;
        if (TryOpen() || (FormerShard.Move(disk, documents, number, draw()) && TryOpen()))
            BelieveOrClose();
        else if (ends.Knows(number))
            throw new LogDamagedException($"{_path} is missing, and {ShardEnds.FileName} beside it says that it was there: {ShardEnds.Cure}.");
        _loaded = true;
        return _file is not null;
    }

    private bool TryOpen()
    {
        try
        {
            _file = disk.Open(_path, DiskOpenMode.ReadWrite);
            return true;
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return false;
        }
    }

    private void BelieveOrClose()
    {
        try
        {
            Believe(_file!);
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <summary>
    /// The last record may stand in the page cache alone, left by a process that was killed or by a flush that failed: it is written again and flushed before anyone is told of it. Those
    /// before it were durable before it was written.
    /// </summary>
    private void Believe(IDiskFile file)
    {
        var bytes = BytesAt(file, 0, file.Length);
        var scan = DocumentScan.Of(bytes, number, salt => ends.Read(number, salt));
        if (scan.Records.Count == 0)
            throw new LogDamagedException($"{_path} does not read back as written, from its beginning to its end. It has to be mended: {ShardEnds.Cure}.");
        if (scan.Torn > 0)
        {
            file.CutInUse(scan.End);
            notify(new StorageNotice(_path, $"{scan.Torn} bytes at its end are no whole record; they were being written when the power went, and were cut."));
        }

        foreach (var span in scan.Damage)
            notify(new StorageNotice(_path, $"Bytes {span.From} to {span.To} do not read back as written. Documents that they may have changed are not served; look with mq doctor."));
        var last = scan.Records[^1];
        file.OverwriteInUse(bytes.Span.Slice((int)last.Offset, last.Record.Size), last.Offset);
        file.FlushInUse();
        _index = ShardIndex.Of(scan);
        (_salt, _sequence, _last, _end, _reservedTo) = (last.Record.Salt, scan.Sequence, scan.Last, scan.End, 0);
        ends.Write(number, _salt, _end);
    }

    private void RewriteIfDue(int needed)
    {
        var waste = _end - _index.Live;
        if (_index.IsDamaged || waste <= smallWaste || _end < _rewriteAt || (waste <= _index.Live && _end + needed <= largest))
            return;
        // One that finds no space is tried again, but not at once.
        _rewriteAt = _end + smallWaste;
        if (Content() is not { } content)
        {
            notify(new StorageNotice(_path, "Something in it does not read back as written, so it is not written anew. Look with mq doctor."));
            _rewriteAt = long.MaxValue;
            return;
        }

        try
        {
            Begin(content);
        }
        catch (DiskException e) when (e.IsRefusal)
        {
            Load();
        }
    }

    /// <returns>Null: something of it does not read back.</returns>
    private List<DocumentRecord>? Content()
    {
        try
        {
            var content = _index.Places.Select(RecordAt).OfType<DocumentRecord>().ToList();
            return content.Count == _index.Count ? content : null;
        }
        catch (LogFailedException)
        {
            return null;
        }
    }

    /// <summary>Makes the file anew, whole or not at all. After an error it is loaded again before anything else.</summary>
    private void Begin(List<DocumentRecord> content)
    {
        var file = new ShardFile(number, draw(), _index.Floor);
        foreach (var record in content)
            file.Add(record.Version, record.Key, record.Content);
        // First, for not every system replaces a file that is open.
        Close();
        disk.Replace(_path, file.Pieces);
        _file = disk.Open(_path, DiskOpenMode.ReadWrite);
        _index = file.Index;
        (_salt, _sequence, _last, _end, _reservedTo, _rewriteAt, _loaded) = (file.Salt, file.Sequence, file.Last, file.Length, 0, 0, true);
        ends.Write(number, _salt, _end);
    }

    private void Close()
    {
        _file?.Dispose();
        (_file, _loaded) = (null, false);
    }

    private void Append(DocumentRecordKind kind, long version, byte[] key, ReadOnlyMemory<byte> content, int spare)
    {
        var record = new DocumentRecord(kind, _salt, _sequence + 1, version, _last, key, content);
        // Deletions go on: with them waste grows, and the file is written anew.
        if (kind == DocumentRecordKind.Put && _end + record.Size > largest)
            throw new LogFullException($"Documents {_path}: a file of documents has at most {largest} bytes. Nothing changed.");
        var bytes = record.Encode(_end, number);
        Reserve(_end + bytes.Length, spare);
        try
        {
            WriteOrTakeBack(bytes);
            _file!.FlushInUse();
            _index.Add(new PlacedRecord(_end, record));
            (_sequence, _last, _end) = (record.Sequence, record.Digest, _end + bytes.Length);
        }
        catch (Exception e) when (e is not DiskException)
        {
            // It may be in the file, and nothing may be written over it.
            _over = new LogFailedException($"Documents {_path}: {e.Message} Nothing more is answered until the storage is opened again.", e);
            throw;
        }

        ends.Write(number, _salt, _end);
    }

    /// <summary>A full disk shows here and not at the flush, where it would leave the record in doubt.</summary>
    private void Reserve(long needed, int spare)
    {
        if (needed + spare <= _reservedTo)
            return;
        var from = Math.Max(_reservedTo, _end);
        var to = needed + Math.Max(spare, ReserveStep);
        try
        {
            _file!.Reserve(from, to - from);
        }
        catch (DiskException e) when (e.IsRefusal && needed + spare < to)
        {
            _file!.Reserve(from, (to = needed + spare) - from);
        }

        _reservedTo = to;
    }

    /// <summary>What was written of a refused record is taken back, durably, or a crash would bring it back after the caller was told that it is not there.</summary>
    private void WriteOrTakeBack(byte[] bytes)
    {
        try
        {
            _file!.Write(bytes, _end);
        }
        catch (DiskException e) when (e.IsRefusal)
        {
            _reservedTo = 0;
            _file!.CutInUse(_end);
            _file!.FlushInUse();
            throw;
        }
    }

    private T InTurn<T>(Func<T> job)
    {
        lock (_turn)
        {
            if (_over is LogFailedException failed)
                throw new LogFailedException(failed.Message, failed.InnerException);
            ObjectDisposedException.ThrowIf(_over is not null, this);
            try
            {
                return job();
            }
            catch (DiskException e) when (e.IsRefusal)
            {
                throw new LogFullException($"Documents {_path}: {e.Message}. Nothing changed.", e);
            }
            catch (DiskException e)
            {
                _over = new LogFailedException($"Documents {_path}: {e.Message}. Nothing more is answered until the storage is opened again.", e);
                throw _over;
            }
        }
    }
}

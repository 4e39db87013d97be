using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>What reads back of a file of documents, and where something does not.</summary>
internal sealed class DocumentScan
{
    /// <summary>Of which at least is written what is written of it: a write that is cut off leaves each as it was before, or filled from its beginning.</summary>
    private const int Sector = 512;

    private readonly List<PlacedRecord> _records = [];
    private readonly List<DamagedSpan> _damage = [];

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<PlacedRecord> Records => _records;

    /// <summary>In the order of the file.</summary>
    public IReadOnlyList<DamagedSpan> Damage => _damage;

    /// <summary>Where the next record goes.</summary>
    public long End { get; private set; }

    /// <summary>Bytes at the end that were being written when the power went, and were acknowledged to nobody.</summary>
    public long Torn { get; private set; }

    /// <summary>Of the last record, whether it reads back or not.</summary>
    public ulong Sequence { get; private set; }

    public static DocumentScan Of(ReadOnlyMemory<byte> file, int shard)
    {
        var scan = new DocumentScan();
        while (scan.End < file.Length && scan.Next(file, (int)scan.End, shard) is { } found)
            scan.Add(found);
        if (scan.End < file.Length)
            scan.AddTail(file.Span[(int)scan.End..], shard);
        return scan;
    }

    private PlacedRecord? Next(ReadOnlyMemory<byte> file, int from, int shard)
    {
        for (var offset = from; offset < file.Length; offset += DocumentRecord.Unit)
        {
            if (DocumentRecord.Decode(file[offset..], offset, shard) is { } record && (_records.Count == 0 || record.Salt == _records[0].Record.Salt))
                return new PlacedRecord(offset, record);
        }

        return null;
    }

    private void Add(in PlacedRecord found)
    {
        if (found.Offset > End)
            _damage.Add(new DamagedSpan(_records.Count, End, found.Offset, found.Record.Sequence - Sequence == 2 ? found.Record.Before : null));
        _records.Add(found);
        (Sequence, End) = (found.Record.Sequence, found.End);
    }

    /// <summary>
    /// One record at a time is written and not yet flushed, so only one can be cut off: what is longer, or has something behind a header that does not read back, is damage. Where both may
    /// be, it is taken for a write that was cut off.
    /// </summary>
    private void AddTail(ReadOnlySpan<byte> tail, int shard)
    {
        if (IsCutOff(tail, shard))
        {
            Torn = tail.Length;
            return;
        }

        _damage.Add(new DamagedSpan(_records.Count, End, End + tail.Length, null));
        // How many were lost is not known: two, so that the next scan finds more than one missing.
        Sequence += 2;
        End += (tail.Length + DocumentRecord.Unit - 1) / DocumentRecord.Unit * DocumentRecord.Unit;
    }

    private bool IsCutOff(ReadOnlySpan<byte> tail, int shard)
    {
        if (_records.Count == 0)
            return false;
        if (DocumentRecord.SizeAt(tail, End, shard) is { } size)
            return size >= tail.Length;
        var first = tail[..(int)Math.Min(tail.Length, Sector - End % Sector)];
        return first.Length <= DocumentRecord.Unit || !first[DocumentRecord.Unit..].ContainsAnyExcept((byte)0);
    }
}

/// <param name="Offset">In the file.</param>
/// <param name="Record">Reads back.</param>
internal readonly record struct PlacedRecord(long Offset, DocumentRecord Record)
{
    public long End => Offset + Record.Size;
}

/// <summary>Bytes that were records.</summary>
/// <param name="Preceding">How many records that read back come before it.</param>
/// <param name="From">Its first byte.</param>
/// <param name="To">Behind its last.</param>
/// <param name="Only">The key of the only record there was, zeros of a beginning; null: there may have been more than one.</param>
internal readonly record struct DamagedSpan(int Preceding, long From, long To, KeyDigest? Only);

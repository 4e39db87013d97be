using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>What reads back of a file of documents, and where something does not.</summary>
internal sealed class DocumentScan
{
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

    /// <summary>The key of the last record, as far as it is known.</summary>
    public KeyDigest Last { get; private set; }

    /// <param name="file">All of it.</param>
    /// <param name="shard">Its place among the shards.</param>
    /// <param name="knownEnd">By its salt, up to where it is known to have been durable.</param>
    public static DocumentScan Of(ReadOnlyMemory<byte> file, int shard, Func<ulong, long> knownEnd)
    {
        var scan = new DocumentScan();
        while (scan.End < file.Length && scan.Next(file, (int)scan.End, shard) is { } found)
            scan.Add(found);
        var known = scan._records.Count == 0 ? 0 : knownEnd(scan._records[0].Record.Salt);
        if (scan._records.Count == 0 || scan.End < Math.Max(file.Length, known))
            scan.AddTail(file.Span[(int)scan.End..], shard, known);
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
        (Sequence, Last, End) = (found.Record.Sequence, found.Record.Digest, found.End);
    }

    /// <summary>
    /// One record at a time is written and not yet flushed, so only one can be cut off, and what is missing of it is zeros or beyond the file's end. Anything else is damage. Where both may
    /// be, it is taken for a write that was cut off.
    /// </summary>
    private void AddTail(ReadOnlySpan<byte> tail, int shard, long known)
    {
        var owner = DocumentRecord.OwnerOf(tail, End, shard);
        if (_records.Count > 0 && End >= known && IsCutOff(tail, DocumentRecord.SizeAt(tail, End, shard), owner is not null))
        {
            Torn = tail.Length;
            return;
        }

        var end = Math.Max(End + tail.Length, known);
        owner = end == End + tail.Length ? owner : null;
        _damage.Add(new DamagedSpan(_records.Count, End, end, owner));
        // How many were lost is not known: two, so that the next scan finds more than one missing.
        Sequence += owner is null ? 2UL : 1UL;
        Last = owner ?? default;
        End = (end + DocumentRecord.Unit - 1) / DocumentRecord.Unit * DocumentRecord.Unit;
    }

    private bool IsCutOff(ReadOnlySpan<byte> tail, long? size, bool isOne) =>
        size > tail.Length || (size == tail.Length || (size is null && isOne) ? DocumentRecord.MayBeCutOff(tail, End) : size is null && IsHeaderCutOff(tail));

    /// <summary>Whether nothing behind a header that does not read back is written in its sector.</summary>
    private bool IsHeaderCutOff(ReadOnlySpan<byte> tail)
    {
        var sector = tail[..(int)Math.Min(tail.Length, DocumentRecord.Sector - (End % DocumentRecord.Sector))];
        return sector.Length <= DocumentRecord.Unit || !sector[DocumentRecord.Unit..].ContainsAnyExcept((byte)0);
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

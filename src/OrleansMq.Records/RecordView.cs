namespace OrleansMq.Records;

/// <summary>One record, seen in the bytes of its batch. May be stored as long as those bytes are good.</summary>
public readonly struct RecordView
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly int _key;
    private readonly int _keyLength;
    private readonly int _value;
    private readonly int _valueLength;
    private readonly int _headers;
    private readonly int _headerCount;

    internal RecordView(ReadOnlyMemory<byte> bytes, in RecordLayout layout, long offset, long timestamp)
    {
        _bytes = bytes;
        (_key, _keyLength) = (layout.Key, layout.KeyLength);
        (_value, _valueLength) = (layout.Value, layout.ValueLength);
        (_headers, _headerCount) = (layout.Headers, layout.HeaderCount);
        Offset = offset;
        Timestamp = timestamp;
    }

    /// <summary>Offset in the partition: the batch's base offset and the record's delta.</summary>
    public long Offset { get; }

    /// <summary>Unix milliseconds: the producer's, or the broker's where the batch has append time.</summary>
    public long Timestamp { get; }

    /// <summary>False if the key is null, which is not the same as empty.</summary>
    public bool HasKey => _keyLength >= 0;

    /// <summary>Empty if null.</summary>
    public ReadOnlyMemory<byte> Key => HasKey ? _bytes.Slice(_key, _keyLength) : default;

    /// <summary>False if the value is null: in a compacted topic a tombstone.</summary>
    public bool HasValue => _valueLength >= 0;

    /// <summary>Empty if null.</summary>
    public ReadOnlyMemory<byte> Value => HasValue ? _bytes.Slice(_value, _valueLength) : default;

    /// <summary>In the order written; a name may come more than once.</summary>
    public RecordHeaders Headers => new(_bytes[_headers..], _headerCount);

    /// <summary>Bytes of the record within its batch, its own length field included.</summary>
    public int Size => _bytes.Length;
}

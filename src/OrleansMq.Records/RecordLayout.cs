namespace OrleansMq.Records;

/// <summary>Where the parts of one record stand, counted from the record's first byte.</summary>
/// <remarks>
/// <code>
/// length varint | attributes i8 = 0 | timestamp delta varlong | offset delta varint
/// | key length varint (-1: null) | key | value length varint (-1: null) | value | header count varint | headers
/// header: key length varint | key utf-8 | value length varint (-1: null) | value
/// </code>
/// The length counts what follows it. A record has at least 7 bytes, a header at least 2.
/// </remarks>
internal readonly struct RecordLayout
{
    /// <summary>Two varints, at the least.</summary>
    public const int MinHeaderSize = 2;

    public long TimestampDelta { get; private init; }

    /// <summary>Never negative.</summary>
    public int OffsetDelta { get; private init; }

    public int Key { get; private init; }

    /// <summary>-1: null.</summary>
    public int KeyLength { get; private init; }

    public int Value { get; private init; }

    /// <summary>-1: null.</summary>
    public int ValueLength { get; private init; }

    public int Headers { get; private init; }

    /// <summary>Never more than the bytes from <see cref="Headers"/> to <see cref="End"/> have room for.</summary>
    public int HeaderCount { get; private init; }

    /// <summary>Where the next record begins. Never beyond the bytes given.</summary>
    public int End { get; private init; }

    /// <summary>Reads the record at the start of <paramref name="bytes"/>; its headers are bounded but not looked at.</summary>
    /// <returns>False if any length runs out of the record, or the record out of the bytes.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out RecordLayout record)
    {
        record = default;
        if (!Varint.TryRead(bytes, out int length, out int at) || length < 1 || length > bytes.Length - at)
            return false;

        int end = at + length;
        bytes = bytes[..end];
        at++; // Attributes: no bit has a meaning yet, so none is refused.
        if (!Varint.TryRead(bytes[at..], out long timestampDelta, out int size))
            return false;
        at += size;
        if (!Varint.TryRead(bytes[at..], out int offsetDelta, out size) || offsetDelta < 0)
            return false;
        at += size;
        if (!TryReadBlock(bytes, ref at, out int key, out int keyLength) || !TryReadBlock(bytes, ref at, out int value, out int valueLength))
            return false;
        if (!Varint.TryRead(bytes[at..], out int headerCount, out size) || headerCount < 0)
            return false;
        at += size;
        int headerBytes = end - at;
        if (headerCount > headerBytes / MinHeaderSize || (headerCount == 0 && headerBytes != 0))
            return false;

        record = new RecordLayout
        {
            TimestampDelta = timestampDelta,
            OffsetDelta = offsetDelta,
            Key = key,
            KeyLength = keyLength,
            Value = value,
            ValueLength = valueLength,
            Headers = at,
            HeaderCount = headerCount,
            End = end,
        };
        return true;
    }

    /// <summary>Reads one header from <paramref name="at"/> on and moves <paramref name="at"/> behind it. A header's key is never null.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> bytes, ref int at, out int key, out int keyLength, out int value, out int valueLength)
    {
        value = valueLength = 0;
        return TryReadBlock(bytes, ref at, out key, out keyLength) && keyLength >= 0 && TryReadBlock(bytes, ref at, out value, out valueLength);
    }

    /// <summary>Whether <paramref name="bytes"/> are exactly <paramref name="count"/> headers.</summary>
    public static bool HeadersAreSound(ReadOnlySpan<byte> bytes, int count)
    {
        int at = 0;
        for (int left = count; left > 0; left--)
            if (!TryReadHeader(bytes, ref at, out _, out _, out _, out _))
                return false;
        return at == bytes.Length;
    }

    private static bool TryReadBlock(ReadOnlySpan<byte> bytes, ref int at, out int start, out int length)
    {
        start = 0;
        if (!Varint.TryRead(bytes[at..], out length, out int size))
            return false;
        start = at + size;
        if (length < -1 || length > bytes.Length - start)
            return false;
        at = start + Math.Max(length, 0);
        return true;
    }
}

namespace OrleansMq.Records;

/// <summary>The headers of one record, read from its bytes as they are walked. Allocates nothing.</summary>
public readonly struct RecordHeaders
{
    private readonly ReadOnlyMemory<byte> _bytes;

    internal RecordHeaders(ReadOnlyMemory<byte> bytes, int count)
    {
        _bytes = bytes;
        Count = count;
    }

    public int Count { get; }

    /// <summary>The encoded headers, without their count: what a copy of the record takes over as it is.</summary>
    internal ReadOnlySpan<byte> Encoded => _bytes.Span;

    /// <summary>Finds the last header of that name: a name may come more than once, and the last is Kafka's usual choice.</summary>
    /// <exception cref="MalformedBatchException">The headers are damaged.</exception>
    public bool TryGetLast(ReadOnlySpan<byte> keyUtf8, out RecordHeader header)
    {
        header = default;
        bool found = false;
        foreach (RecordHeader each in this)
            if (each.KeyUtf8.Span.SequenceEqual(keyUtf8))
                (header, found) = (each, true);
        return found;
    }

    public Enumerator GetEnumerator() => new(_bytes, Count);

    /// <summary>For <c>foreach</c>.</summary>
    public struct Enumerator
    {
        private readonly ReadOnlyMemory<byte> _bytes;
        private int _left;
        private int _at;

        internal Enumerator(ReadOnlyMemory<byte> bytes, int count)
        {
            _bytes = bytes;
            _left = count;
        }

        public RecordHeader Current { get; private set; }

        /// <exception cref="MalformedBatchException">The next header is damaged, or bytes are left after the last one.</exception>
        public bool MoveNext()
        {
            if (_left == 0)
                return _at == _bytes.Length ? false : throw Damaged();
            if (!RecordLayout.TryReadHeader(_bytes.Span, ref _at, out int key, out int keyLength, out int value, out int valueLength))
                throw Damaged();

            _left--;
            bool isNull = valueLength < 0;
            Current = new RecordHeader(_bytes.Slice(key, keyLength), isNull ? default : _bytes.Slice(value, valueLength), isNull);
            return true;
        }

        private readonly MalformedBatchException Damaged() =>
            new(BatchFault.Records, $"The headers of a record are damaged {_bytes.Length - _at} bytes before their end, with {_left} still to come.");
    }
}

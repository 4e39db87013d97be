namespace OrleansMq.Records;

/// <summary>Where a codec writes what it inflates: grows as it is filled, up to a bound.</summary>
public sealed class InflatedRecords
{
    // The first guess at how far records inflate; a wrong one costs a doubling.
    private const int ExpectedRatio = 4;

    private readonly int _most;
    private byte[] _buffer;
    private int _length = RecordBatch.HeaderSize;

    internal InflatedRecords(int packedBytes, int maxBytes)
    {
        _most = (int)Math.Min((long)RecordBatch.HeaderSize + maxBytes, Array.MaxLength);
        _buffer = new byte[(int)Math.Min(_most, RecordBatch.HeaderSize + (long)packedBytes * ExpectedRatio)];
    }

    /// <summary>Bytes that may still be written.</summary>
    public int Left => _most - _length;

    /// <summary>What was written so far.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(RecordBatch.HeaderSize, _length - RecordBatch.HeaderSize);

    /// <summary>What there is room for now, without growing.</summary>
    public Span<byte> Room => _buffer.AsSpan(_length);

    internal Memory<byte> Batch => _buffer.AsMemory(0, _length);

    /// <summary>Room for at least so many bytes.</summary>
    /// <returns>False where that is beyond the bound.</returns>
    public bool TryGrow(int bytes)
    {
        if (bytes > Left)
            return false;
        if (_buffer.Length - _length < bytes)
            Array.Resize(ref _buffer, (int)Math.Min(_most, Math.Max(2L * _buffer.Length, (long)_length + bytes)));
        return true;
    }

    /// <summary>So many bytes of <see cref="Room"/> were written.</summary>
    public void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _buffer.Length - _length);
        _length += bytes;
    }
}

namespace OrleansMq.Simulation.Disk;

/// <summary>Bytes that grow and are written in place: a write costs what it writes, not what the file holds.</summary>
internal sealed class SimBytes
{
    private byte[] _bytes;

    public SimBytes() => _bytes = [];

    private SimBytes(byte[] bytes) => (_bytes, Length) = (bytes, bytes.Length);

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    public static SimBytes CopyOf(ReadOnlySpan<byte> bytes) => new(bytes.ToArray());

    /// <summary>Zeros between the old end and the offset, where it lies behind.</summary>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        GrowTo(offset + bytes.Length);
        bytes.CopyTo(_bytes.AsSpan((int)offset));
    }

    /// <summary>Zeros behind the end, unless it is as long already.</summary>
    public void GrowTo(long length)
    {
        if (length <= Length)
            return;
        if (length > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Max(length, 2L * _bytes.Length));
        // What was cut off may stand there yet.
        _bytes.AsSpan(Length, (int)length - Length).Clear();
        Length = (int)length;
    }

    public void SetLength(long length)
    {
        GrowTo(length);
        Length = (int)length;
    }

    public void Flip(long offset, int bit) => _bytes[offset] ^= (byte)(1 << bit);
}

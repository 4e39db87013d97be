using System.Buffers.Binary;

namespace OrleansMq.Gateways;

/// <summary>Reads big-endian numbers and lengths from a frame that is whole, and never beyond it.</summary>
/// <remarks>
/// A fault is remembered and not thrown: from then on every read gives zero or nothing, and <see cref="IsWhole"/> is false. A count is checked against
/// the bytes that remain before anything is allocated for it, so that what a frame makes us hold is a small multiple of what it sent.
/// </remarks>
public ref struct BoundedReader(ReadOnlyMemory<byte> frame)
{
    private readonly ReadOnlyMemory<byte> _frame = frame;
    private int _at;
    private bool _failed;

    /// <summary>Something did not fit: nothing that was read counts.</summary>
    public readonly bool Failed => _failed;

    public readonly int Remaining => _failed ? 0 : _frame.Length - _at;

    /// <summary>All was read, and all of it fitted.</summary>
    public readonly bool IsWhole => !_failed && _at == _frame.Length;

    public void Fail() => _failed = true;

    public byte Byte() => Take(1) is { Length: 1 } bytes ? bytes[0] : (byte)0;

    public bool Bool() => Byte() != 0;

    public short Int16() => Take(2) is { Length: 2 } bytes ? BinaryPrimitives.ReadInt16BigEndian(bytes) : (short)0;

    public int Int32() => Take(4) is { Length: 4 } bytes ? BinaryPrimitives.ReadInt32BigEndian(bytes) : 0;

    public long Int64() => Take(8) is { Length: 8 } bytes ? BinaryPrimitives.ReadInt64BigEndian(bytes) : 0;

    /// <summary>At most 32 bits, seven to a byte, the lowest first.</summary>
    public uint UVarint()
    {
        uint value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            var next = Byte();
            if (shift == 28 && next > 0x0f)
                break;
            value |= (uint)(next & 0x7f) << shift;
            if (next < 0x80)
                return _failed ? 0 : value;
        }
        _failed = true;
        return 0;
    }

    /// <summary>The next bytes, borrowed from the frame.</summary>
    public ReadOnlyMemory<byte> Bytes(int length)
    {
        if (_failed || length < 0 || length > _frame.Length - _at)
        {
            _failed = true;
            return default;
        }
        var bytes = _frame.Slice(_at, length);
        _at += length;
        return bytes;
    }

    /// <summary>How many elements follow.</summary>
    /// <param name="count">As the frame says.</param>
    /// <param name="elementBytes">The least that one takes, and never 0: elements without width could be any number.</param>
    public int Count(int count, int elementBytes)
    {
        if (!_failed && count >= 0 && (long)count * Math.Max(1, elementBytes) <= _frame.Length - _at)
            return count;
        _failed = true;
        return 0;
    }

    private ReadOnlySpan<byte> Take(int length) => Bytes(length).Span;
}

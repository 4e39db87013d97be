using System.Numerics;

namespace OrleansMq.Records;

/// <summary>Zigzag variable-length integers, as Kafka's records and Protocol Buffers' <c>sint32</c> and <c>sint64</c> have them.</summary>
/// <remarks>
/// <code>
/// value   0  -1   1  -2   2 ...     zigzag: (value &lt;&lt; 1) ^ (value >> 31 or 63)
/// zigzag  0   1   2   3   4 ...     then 7 bits a byte, lowest first; the top bit says that another byte follows
/// </code>
/// Reading takes padded forms (0x80 0x00 for 0), as Kafka does, but never more than <see cref="MaxIntSize"/> or
/// <see cref="MaxLongSize"/> bytes, nor bits that the type has no room for.
/// </remarks>
public static class Varint
{
    public const int MaxIntSize = 5;
    public const int MaxLongSize = 10;

    /// <summary>Bytes that <see cref="Write(Span{byte}, int)"/> takes: 1 to 5.</summary>
    public static int Size(int value) => Size((long)value);

    /// <summary>Bytes that <see cref="Write(Span{byte}, long)"/> takes: 1 to 10.</summary>
    public static int Size(long value) => BitOperations.Log2(ZigZag(value) | 1) / 7 + 1;

    /// <summary>Writes <paramref name="value"/> and returns how many bytes it took. The same bytes as for a long.</summary>
    /// <exception cref="IndexOutOfRangeException"><paramref name="to"/> is too short.</exception>
    public static int Write(Span<byte> to, int value) => Write(to, (long)value);

    /// <inheritdoc cref="Write(Span{byte}, int)"/>
    public static int Write(Span<byte> to, long value)
    {
        ulong left = ZigZag(value);
        int size = 0;
        while (left >= 0x80)
        {
            to[size++] = (byte)(left | 0x80);
            left >>= 7;
        }

        to[size++] = (byte)left;
        return size;
    }

    /// <summary>Reads an int at the start of <paramref name="from"/>; <paramref name="size"/> is the bytes it took.</summary>
    /// <returns>False where the bytes end early, or hold more than 32 bits; nothing is then to be read from the outs.</returns>
    public static bool TryRead(ReadOnlySpan<byte> from, out int value, out int size)
    {
        if (from.Length > 0 && from[0] < 0x80)
        {
            value = (from[0] >> 1) ^ -(from[0] & 1);
            size = 1;
            return true;
        }

        bool read = TryReadBits(from, MaxIntSize, out ulong bits, out size) && bits <= uint.MaxValue;
        value = (int)((uint)bits >> 1) ^ -(int)(bits & 1);
        return read;
    }

    /// <summary>Reads a long at the start of <paramref name="from"/>; <paramref name="size"/> is the bytes it took.</summary>
    /// <returns>False where the bytes end early, or hold more than 64 bits; nothing is then to be read from the outs.</returns>
    public static bool TryRead(ReadOnlySpan<byte> from, out long value, out int size)
    {
        bool read = TryReadBits(from, MaxLongSize, out ulong bits, out size);
        value = (long)(bits >> 1) ^ -(long)(bits & 1);
        return read;
    }

    private static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    private static bool TryReadBits(ReadOnlySpan<byte> from, int maxSize, out ulong bits, out int size)
    {
        bits = 0;
        int most = Math.Min(from.Length, maxSize);
        for (size = 0; size < most;)
        {
            ulong next = from[size];
            // The tenth byte has room for bit 63 alone.
            if (size == MaxLongSize - 1 && next > 1)
                return false;
            bits |= (next & 0x7F) << (7 * size++);
            if (next < 0x80)
                return true;
        }

        return false;
    }
}

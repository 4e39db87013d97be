using System.Numerics;

namespace OrleansMq.Records;

/// <summary>Moves a CRC32C state over a fixed count of zero bytes in four look-ups, which is how the CRCs of neighbouring stretches are joined.</summary>
/// <remarks>
/// A CRC without its final inversion is linear over exclusive-or: state(A then B, from s) = over(state(A, from s), |B|) ^ state(B, from 0).
/// "Over zeros" is linear too, so what it does to each byte of the state is tabled: 4 tables of 256 words, 4 KiB for each count.
/// (The idea is Mark Adler's crc32c.c, 2013.)
/// </remarks>
internal sealed class Crc32CShift
{
    private readonly uint[] _byByte = new uint[4 * 256];

    /// <param name="zeroBytes">How many zero bytes the state moves over.</param>
    public Crc32CShift(int zeroBytes)
    {
        Span<uint> ofBit = stackalloc uint[32];
        for (int bit = 0; bit < 32; bit++)
            ofBit[bit] = Walk(1u << bit, zeroBytes);

        for (int position = 0; position < 4; position++)
            for (int value = 1; value < 256; value++)
            {
                int lowest = BitOperations.TrailingZeroCount(value);
                _byByte[position * 256 + value] = _byByte[position * 256 + (value & (value - 1))] ^ ofBit[position * 8 + lowest];
            }
    }

    public uint Over(uint state)
    {
        uint[] byByte = _byByte;
        return byByte[state & 0xFF] ^ byByte[256 + ((state >> 8) & 0xFF)] ^ byByte[512 + ((state >> 16) & 0xFF)] ^ byByte[768 + (state >> 24)];
    }

    private static uint Walk(uint state, int zeroBytes)
    {
        for (int left = zeroBytes; left > 0; left--)
            state = BitOperations.Crc32C(state, (byte)0);
        return state;
    }
}

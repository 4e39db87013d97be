using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OrleansMq.Records;

/// <summary>CRC32C (Castagnoli, RFC 3720 appendix B.4): the check that Kafka's record batch and our frames carry.</summary>
/// <remarks>
/// <see cref="BitOperations.Crc32C(uint, ulong)"/> is one instruction on x64 (SSE 4.2) and on Arm (CRC32), and a table elsewhere.
/// The instruction takes one operand a cycle but answers after three, so one chain runs at a third of what the machine can do. Long
/// input is therefore cut in three stretches whose chains run side by side and are joined by <see cref="Crc32CShift"/>.
/// <para>
/// Measured on one core of an AMD EPYC (AVX-512 generation, shared virtual machine), .NET 10, Release, best of 30 rounds of 8 MiB each: 27 GB/s at
/// 64 KiB and more, 25 at 11 KB (100 messages of 100 bytes), 20 at 1 KiB; one chain alone does 9.9 at 64 KiB.
/// </para>
/// </remarks>
public static class Crc32C
{
    private const int LongStretch = 2048;
    private const int ShortStretch = 256;

    private static readonly Crc32CShift LongShift = new(LongStretch);
    private static readonly Crc32CShift ShortShift = new(ShortStretch);

    /// <summary>The CRC of <paramref name="bytes"/>; 0 for none.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The CRC of what <paramref name="crc"/> covers, followed by <paramref name="bytes"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        uint state = ~crc;
        while (bytes.Length >= 3 * LongStretch)
        {
            state = ThreeStretches(state, bytes, LongStretch, LongShift);
            bytes = bytes[(3 * LongStretch)..];
        }

        while (bytes.Length >= 3 * ShortStretch)
        {
            state = ThreeStretches(state, bytes, ShortStretch, ShortShift);
            bytes = bytes[(3 * ShortStretch)..];
        }

        return ~OneChain(state, bytes);
    }

    private static uint OneChain(uint state, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= sizeof(ulong))
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (byte b in bytes)
            state = BitOperations.Crc32C(state, b);
        return state;
    }

    private static uint ThreeStretches(uint state, ReadOnlySpan<byte> bytes, int stretch, Crc32CShift shift)
    {
        ref byte first = ref MemoryMarshal.GetReference(bytes[..(3 * stretch)]);
        ref byte second = ref Unsafe.Add(ref first, stretch);
        ref byte third = ref Unsafe.Add(ref second, stretch);
        uint a = state, b = 0, c = 0;
        for (nint at = 0; at < stretch; at += sizeof(ulong))
        {
            a = BitOperations.Crc32C(a, LittleEndian(ref first, at));
            b = BitOperations.Crc32C(b, LittleEndian(ref second, at));
            c = BitOperations.Crc32C(c, LittleEndian(ref third, at));
        }

        return shift.Over(shift.Over(a) ^ b) ^ c;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong LittleEndian(ref byte start, nint at)
    {
        ulong word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, at));
        return BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
    }
}

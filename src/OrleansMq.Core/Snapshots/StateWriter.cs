using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace OrleansMq.Core.Snapshots;

/// <summary>Writes state in explicit little-endian form. A string is its UTF-8 length (u16) and bytes; a list is its count (u32) and items.</summary>
public readonly struct StateWriter(IBufferWriter<byte> output)
{
    public void Byte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    public void Int32(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(4), value);
        output.Advance(4);
    }

    public void Int64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    public void UInt64(ulong value) => Int64((long)value);

    public void Count(int value) => Int32(value);

    /// <summary>Their length (i32) before them.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        output.Write(value);
    }

    /// <summary>A list of numbers, in one go where there may be millions.</summary>
    public void UInt32s(ReadOnlySpan<uint> values)
    {
        Count(values.Length);
        if (BitConverter.IsLittleEndian)
        {
            output.Write(MemoryMarshal.AsBytes(values));
            return;
        }

        foreach (var value in values)
            Int32((int)value);
    }

    public void Text(string value)
    {
        var length = checked((ushort)Encoding.UTF8.GetByteCount(value));
        var span = output.GetSpan(2 + length);
        BinaryPrimitives.WriteUInt16LittleEndian(span, length);
        Encoding.UTF8.GetBytes(value, span[2..]);
        output.Advance(2 + length);
    }
}

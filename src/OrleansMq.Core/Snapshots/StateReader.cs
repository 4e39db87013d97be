using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace OrleansMq.Core.Snapshots;

/// <summary>Reads what <see cref="StateWriter"/> wrote. Every read is checked against the bytes that are there, and a count against what its items need at least.</summary>
public ref struct StateReader(ReadOnlySpan<byte> source)
{
    private ReadOnlySpan<byte> rest = source;

    public readonly int Remaining => rest.Length;

    public byte Byte() => Take(1)[0];

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>A count of items that take at least <paramref name="itemBytes"/> each: never more than the bytes can hold.</summary>
    public int Count(int itemBytes)
    {
        var count = Int32();
        Check(count >= 0 && (long)count * itemBytes <= rest.Length, "A list is longer than the bytes that follow it.");
        return count;
    }

    /// <summary>A copy of bytes that have their length before them.</summary>
    public byte[] Bytes()
    {
        var length = Int32();
        Check(length >= 0, "A length is negative.");
        return Take(length).ToArray();
    }

    public uint[] UInt32s()
    {
        var values = new uint[Count(4)];
        Take(4 * values.Length).CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(values, values);
        return values;
    }

    public string Text() => Encoding.UTF8.GetString(Take(BinaryPrimitives.ReadUInt16LittleEndian(Take(2))));

    /// <summary>An offset, count or time that can't be negative.</summary>
    public long Natural()
    {
        var value = Int64();
        Check(value >= 0, "A number that can't be negative is.");
        return value;
    }

    public void Version(byte known, string what)
    {
        var version = Byte();
        Check(version == known, $"The {what} has version {version}; this program reads version {known}.");
    }

    /// <summary>The version, one of several that are read.</summary>
    public byte Version(byte first, byte last, string what)
    {
        var version = Byte();
        Check(version >= first && version <= last, $"The {what} has version {version}; this program reads versions {first} to {last}.");
        return version;
    }

    public static void Check(bool condition, string message)
    {
        if (!condition)
            throw new StateFormatException(message);
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        Check(count <= rest.Length, "The stored state ends too early.");
        var taken = rest[..count];
        rest = rest[count..];
        return taken;
    }
}

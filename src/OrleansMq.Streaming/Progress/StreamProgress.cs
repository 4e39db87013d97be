using System.Buffers;
using System.Buffers.Binary;

namespace OrleansMq.Streaming;

/// <summary>
/// How far the subscriptions of one partition are: everything below <see cref="Floor"/> is settled by all of them, but for those named in
/// <see cref="Behind"/>.
/// </summary>
/// <param name="Behind">In streams where some subscription is behind the floor: each known subscription, with the first offset that it has not settled.</param>
internal sealed record StreamProgress(long Floor, IReadOnlyList<StreamPlace> Behind)
{
    private const byte FormatVersion = 1;

    // Of a place without its key.
    private const int PlaceBytes = 28;

    /// <summary>Everything below is settled by everyone: what the group commits.</summary>
    public long Low => Behind.Count == 0 ? Floor : Math.Min(Floor, Behind.Min(place => place.Offset));

    /// <summary>Keeps the lowest places, and lowers the floor to the first that is left out: what is not told is delivered again.</summary>
    public StreamProgress Bounded(int max)
    {
        if (Behind.Count <= max)
            return this;
        StreamPlace[] ordered = [.. Behind.OrderBy(place => place.Offset)];
        var floor = Math.Min(Floor, ordered[max].Offset);
        return new StreamProgress(floor, [.. ordered.Take(max).Where(place => place.Offset < floor)]);
    }

    /// <summary>
    /// <code>version u8 = 1 | floor i64 | count i32 | count × (keyLength i32 | key | subscription 16 bytes, zero where unknown | offset i64)</code>
    /// All numbers big-endian; the key is the stream's message key.
    /// </summary>
    public byte[] Write()
    {
        var output = new ArrayBufferWriter<byte>(16 + (Behind.Count * 64));
        output.Write([FormatVersion]);
        Int64(output, Floor);
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), Behind.Count);
        output.Advance(4);
        foreach (var place in Behind)
        {
            BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), place.Key.Length);
            output.Advance(4);
            output.Write(place.Key);
            place.Subscription.TryWriteBytes(output.GetSpan(16), bigEndian: true, out _);
            output.Advance(16);
            Int64(output, place.Offset);
        }

        return output.WrittenSpan.ToArray();
    }

    /// <returns>Null for what is none, or of a newer version: progress is then what the group committed.</returns>
    public static StreamProgress? TryRead(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 13 || bytes[0] != FormatVersion)
            return null;
        var floor = BinaryPrimitives.ReadInt64BigEndian(bytes[1..]);
        var count = BinaryPrimitives.ReadInt32BigEndian(bytes[9..]);
        bytes = bytes[13..];
        if (floor < 0 || count < 0 || count > bytes.Length / PlaceBytes)
            return null;
        var places = new List<StreamPlace>(count);
        for (var i = 0; i < count; i++)
        {
            if (bytes.Length < PlaceBytes || BinaryPrimitives.ReadInt32BigEndian(bytes) is var length && (length < 0 || length > bytes.Length - PlaceBytes))
                return null;
            var offset = BinaryPrimitives.ReadInt64BigEndian(bytes[(20 + length)..]);
            if (offset < 0)
                return null;
            places.Add(new StreamPlace(bytes.Slice(4, length).ToArray(), new Guid(bytes.Slice(4 + length, 16), bigEndian: true), offset));
            bytes = bytes[(PlaceBytes + length)..];
        }

        return bytes.IsEmpty ? new StreamProgress(floor, places) : null;
    }

    private static void Int64(ArrayBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(8), value);
        output.Advance(8);
    }
}

/// <summary>Where one subscription of one stream is.</summary>
/// <param name="Key">The stream's message key.</param>
/// <param name="Subscription">Empty where it is not known whose place it is: then it holds for all of the stream.</param>
/// <param name="Offset">The first that it has not settled.</param>
internal readonly record struct StreamPlace(byte[] Key, Guid Subscription, long Offset);

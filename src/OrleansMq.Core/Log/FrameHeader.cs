using System.Buffers.Binary;
using OrleansMq.Records;

namespace OrleansMq.Core.Log;

/// <summary>What a frame's payload is. Persisted.</summary>
// frozen
public enum FrameKind : byte
{
    /// <summary>One record batch: its offsets are <see cref="FrameHeader.BaseOffset"/> onwards in <see cref="FrameHeader.Lane"/>.</summary>
    Batch = 1,

    /// <summary>A run of entries: settlements, leases, commits, and what else changes cursors.</summary>
    Entries = 2,

    /// <summary>Nothing, up to where the next frame begins: what stood there was compacted. The header is all there is; what follows it is not looked at.</summary>
    Gap = 3,
}

/// <summary>Properties of a frame. Persisted.</summary>
[Flags]
// frozen
public enum FrameFlags : ushort
{
    None = 0,

    /// <summary>The batch was decoded at admission; it may carry reserved headers that have a meaning.</summary>
    Rich = 1,

    /// <summary>The batch's records count against the topic's admission cap; of a gap as many as its sequence count says.</summary>
    Admitted = 2,

    /// <summary>
    /// The records stood in the log before. In the main lane each says from where (<c>mq-moved-from</c>); in the lane of delayed messages they stand at the
    /// offsets they had, and this frame replaces those that held them.
    /// </summary>
    Moved = 4,

    /// <summary>Of a gap: what stood here was damaged, and was given up by a repair. Offsets from the end so far up to its base offset have no message, and a replay passes over it.</summary>
    Lost = 8,
}

/// <summary>
/// The header before every payload in a partition's log. All numbers are little-endian.
/// <code>
///   0 magic "OMF1"        u32
///   4 header CRC32C       u32   of bytes 8..111
///   8 payload length      u32   without padding; the next frame begins at the next multiple of 8
///  12 payload CRC32C      u32   Batch: the batch's own CRC field; Entries: of the whole payload; Gap: 0
///  16 version             u8    1
///  17 kind                u8
///  18 flags               u16
///  20 partition           u32
///  24 incarnation         u64   random, drawn when the log was created
///  32 topic id            16 B
///  48 position            i64   of this frame's first byte in the log
///  56 durable position    i64   everything below was known flushed when this frame was built
///  64 base offset         i64   Batch: first offset in its lane; Entries and Gap: the main lane's end
///  72 appended at         i64   engine clock, milliseconds since 1970; never runs back within a log
///  80 epoch               u32   of the opening that wrote it
///  84 lane                u32   0 = main
///  88 producer id         i64   -1 = none
///  96 producer epoch      i16
///  98 reserved            u16   0
/// 100 base sequence       i32   -1 = none
/// 104 sequence count      i32   records as sent, before duplicates were taken out; of a gap that is lost, how many may have been admitted in it
/// 108 reserved            u32   0
/// </code>
/// Position, incarnation, topic and partition make a valid frame in the wrong place recognisable; the durable position
/// tells damage (below it) from a torn tail (above it).
/// </summary>
public readonly record struct FrameHeader
{
    public const int Size = 112;
    public const int Alignment = 8;
    public const uint Magic = 0x31464D4F;
    public const byte Version = 1;

    public required FrameKind Kind { get; init; }
    public FrameFlags Flags { get; init; }
    public required int PayloadLength { get; init; }
    public required uint PayloadCrc { get; init; }
    public required int Partition { get; init; }
    public required ulong Incarnation { get; init; }
    public required Guid TopicId { get; init; }
    public required long Position { get; init; }
    public required long DurablePosition { get; init; }
    public required long BaseOffset { get; init; }
    public required long AppendedAt { get; init; }
    public required int Epoch { get; init; }
    public int Lane { get; init; }
    public long ProducerId { get; init; }
    public short ProducerEpoch { get; init; }
    public int BaseSequence { get; init; }
    public int SequenceCount { get; init; }

    /// <summary>Bytes that have to be there for the frame to be judged: of a gap the header alone.</summary>
    public int StoredLength => Kind == FrameKind.Gap ? Size : TotalLength;

    /// <summary>Bytes from this frame's first to the next frame's first.</summary>
    public int TotalLength => TotalLengthFor(PayloadLength);

    /// <summary>The position of the frame after this one.</summary>
    public long NextPosition => Position + TotalLength;

    public static int TotalLengthFor(int payloadLength) =>
        checked(Size + payloadLength + Alignment - 1) & ~(Alignment - 1);

    /// <summary>Writes the header with its CRC into the first <see cref="Size"/> bytes of <paramref name="destination"/>.</summary>
    public void Write(Span<byte> destination)
    {
        var d = destination[..Size];
        BinaryPrimitives.WriteUInt32LittleEndian(d, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(d[8..], (uint)PayloadLength);
        BinaryPrimitives.WriteUInt32LittleEndian(d[12..], PayloadCrc);
        d[16] = Version;
        d[17] = (byte)Kind;
        BinaryPrimitives.WriteUInt16LittleEndian(d[18..], (ushort)Flags);
        BinaryPrimitives.WriteInt32LittleEndian(d[20..], Partition);
        BinaryPrimitives.WriteUInt64LittleEndian(d[24..], Incarnation);
        TopicId.TryWriteBytes(d[32..]);
        BinaryPrimitives.WriteInt64LittleEndian(d[48..], Position);
        BinaryPrimitives.WriteInt64LittleEndian(d[56..], DurablePosition);
        BinaryPrimitives.WriteInt64LittleEndian(d[64..], BaseOffset);
        BinaryPrimitives.WriteInt64LittleEndian(d[72..], AppendedAt);
        BinaryPrimitives.WriteInt32LittleEndian(d[80..], Epoch);
        BinaryPrimitives.WriteInt32LittleEndian(d[84..], Lane);
        BinaryPrimitives.WriteInt64LittleEndian(d[88..], ProducerId);
        BinaryPrimitives.WriteInt16LittleEndian(d[96..], ProducerEpoch);
        BinaryPrimitives.WriteUInt16LittleEndian(d[98..], 0);
        BinaryPrimitives.WriteInt32LittleEndian(d[100..], BaseSequence);
        BinaryPrimitives.WriteInt32LittleEndian(d[104..], SequenceCount);
        BinaryPrimitives.WriteUInt32LittleEndian(d[108..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(d[4..], Crc32C.Compute(d[8..]));
    }

    /// <summary>Reads a header and checks magic, version and its CRC; it does not look at where it stands or at the payload.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out FrameHeader header)
    {
        header = default;
        if (source.Length < Size || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic || source[16] != Version)
            return false;
        var s = source[..Size];
        var length = BinaryPrimitives.ReadUInt32LittleEndian(s[8..]);
        if (length > int.MaxValue - Size - Alignment || BinaryPrimitives.ReadUInt32LittleEndian(s[4..]) != Crc32C.Compute(s[8..]))
            return false;
        header = new FrameHeader
        {
            Kind = (FrameKind)s[17],
            Flags = (FrameFlags)BinaryPrimitives.ReadUInt16LittleEndian(s[18..]),
            PayloadLength = (int)length,
            PayloadCrc = BinaryPrimitives.ReadUInt32LittleEndian(s[12..]),
            Partition = BinaryPrimitives.ReadInt32LittleEndian(s[20..]),
            Incarnation = BinaryPrimitives.ReadUInt64LittleEndian(s[24..]),
            TopicId = new Guid(s.Slice(32, 16)),
            Position = BinaryPrimitives.ReadInt64LittleEndian(s[48..]),
            DurablePosition = BinaryPrimitives.ReadInt64LittleEndian(s[56..]),
            BaseOffset = BinaryPrimitives.ReadInt64LittleEndian(s[64..]),
            AppendedAt = BinaryPrimitives.ReadInt64LittleEndian(s[72..]),
            Epoch = BinaryPrimitives.ReadInt32LittleEndian(s[80..]),
            Lane = BinaryPrimitives.ReadInt32LittleEndian(s[84..]),
            ProducerId = BinaryPrimitives.ReadInt64LittleEndian(s[88..]),
            ProducerEpoch = BinaryPrimitives.ReadInt16LittleEndian(s[96..]),
            BaseSequence = BinaryPrimitives.ReadInt32LittleEndian(s[100..]),
            SequenceCount = BinaryPrimitives.ReadInt32LittleEndian(s[104..]),
        };
        return true;
    }
}

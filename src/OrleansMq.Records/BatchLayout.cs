namespace OrleansMq.Records;

/// <summary>Where each field of Kafka's record batch (magic 2) stands; all numbers big endian.</summary>
/// <remarks>
/// <code>
///   0        8            12           16       17      21           23                27
///   +--------+------------+------------+--------+-------+------------+-----------------+
///   | base   | length i32 | leader     | magic  | crc   | attributes | last offset     |
///   | offset | from 12 to | epoch i32  | i8 = 2 | u32   | i16        | delta i32       |
///   | i64    | the end    |            |        |       |            |                 |
///   +--------+------------+------------+--------+-------+------------+-----------------+
///   27           35          43          51         53         57          61
///   +------------+-----------+-----------+----------+----------+-----------+---------------
///   | base time- | max time- | producer  | producer | base     | record    | records, maybe
///   | stamp i64  | stamp i64 | id i64    | epoch    | sequence | count i32 | compressed
///   | ms         | ms        |           | i16      | i32      |           |
///   +------------+-----------+-----------+----------+----------+-----------+---------------
///   The CRC32C covers 21 to the end, so base offset and leader epoch may be set without it.
///
///   attributes: 15..6 must be 0 | 5 control | 4 transactional | 3 max timestamp is the append time | 2..0 codec
/// </code>
/// </remarks>
internal static class BatchLayout
{
    public const int BaseOffset = 0;
    public const int BatchLength = 8;
    public const int PartitionLeaderEpoch = 12;
    public const int Magic = 16;
    public const int Crc = 17;
    public const int Attributes = 21;
    public const int LastOffsetDelta = 23;
    public const int BaseTimestamp = 27;
    public const int MaxTimestamp = 35;
    public const int ProducerId = 43;
    public const int ProducerEpoch = 51;
    public const int BaseSequence = 53;
    public const int Count = 57;
    public const int Records = 61;

    /// <summary>The length field counts from here.</summary>
    public const int LengthFrom = PartitionLeaderEpoch;

    public const byte CurrentMagic = 2;

    public const short CodecMask = 0x07;
    public const short AppendTimeBit = 0x08;
    public const short TransactionalBit = 0x10;
    public const short ControlBit = 0x20;
    public const short KnownBits = CodecMask | AppendTimeBit | TransactionalBit | ControlBit;
}

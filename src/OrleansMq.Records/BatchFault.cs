namespace OrleansMq.Records;

/// <summary>What is wrong with a batch, or <see cref="None"/>. Numbers are only ever added: they appear in logs and reports.</summary>
public enum BatchFault
{
    None = 0,

    /// <summary>The magic is not 2. Kafka's older message sets (0 and 1) land here.</summary>
    Magic = 1,

    /// <summary>The length field is not that of the bytes given.</summary>
    Length = 2,

    /// <summary>The bytes are not those that the CRC was taken of.</summary>
    Crc = 3,

    /// <summary>The record count does not fit the last offset delta, or is not positive.</summary>
    Count = 4,

    /// <summary>An unknown codec, or an attribute bit that this version does not know.</summary>
    Attributes = 5,

    /// <summary>A codec that this build cannot open.</summary>
    Codec = 6,

    /// <summary>A record's inside is damaged: a length, a header count, an offset delta, or bytes that belong to no record.</summary>
    Records = 7,

    /// <summary>The records inflate to more than was allowed.</summary>
    TooLarge = 8,
}

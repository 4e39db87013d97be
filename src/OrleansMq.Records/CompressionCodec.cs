namespace OrleansMq.Records;

/// <summary>How the records of a batch are compressed: bits 0 to 2 of its attributes. Kafka's numbers.</summary>
public enum CompressionCodec
{
    None = 0,
    Gzip = 1,

    /// <summary>Carried, never opened: the feed has no such package. So with <see cref="Lz4"/> and <see cref="Zstd"/>.</summary>
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

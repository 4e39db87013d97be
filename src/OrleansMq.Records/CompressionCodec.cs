namespace OrleansMq.Records;

/// <summary>How the records of a batch are compressed: bits 0 to 2 of its attributes. Kafka's numbers.</summary>
public enum CompressionCodec
{
    None = 0,
    Gzip = 1,

    /// <summary>Opened where somebody gave <see cref="RecordCodecs"/> a codec for it, else only carried. So with <see cref="Lz4"/> and <see cref="Zstd"/>.</summary>
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

using OrleansMq.Records;

namespace OrleansMq.Compression;

/// <summary>
/// Lets this process open batches compressed with snappy, lz4 and zstd, as Kafka's clients send them. The embedded broker and the HTTP client call it by
/// themselves; whoever reads batches with <c>OrleansMq.Records</c> alone calls it once.
/// </summary>
public static class CompressedRecords
{
    public static void Use()
    {
        RecordCodecs.Use(new SnappyCodec());
        RecordCodecs.Use(new Lz4Codec());
        RecordCodecs.Use(new ZstdCodec());
    }
}

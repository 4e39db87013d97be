namespace OrleansMq.Records;

/// <summary>Opens records of one <see cref="CompressionCodec"/>. Called on many threads at once; keeps no state.</summary>
public interface IRecordCodec
{
    CompressionCodec Codec { get; }

    /// <summary>Writes what the packed bytes are into <paramref name="into"/>; what stands there after a fault is of no account.</summary>
    /// <returns>None; TooLarge where there is more than fits; Records where the bytes are damaged. Nothing is thrown, whatever they are.</returns>
    BatchFault Inflate(ReadOnlyMemory<byte> packed, InflatedRecords into);
}

/// <summary>The codecs that this process can open. Gzip is in the framework; whoever hosts a broker or reads as a client adds the others (<c>OrleansMq.Compression</c>).</summary>
public static class RecordCodecs
{
    // By the codec's number.
    private static readonly IRecordCodec?[] All = [null, new GzipCodec(), null, null, null];

    /// <summary>From now on batches of this codec are opened with it.</summary>
    public static void Use(IRecordCodec codec)
    {
        if (codec.Codec is <= CompressionCodec.None or > CompressionCodec.Zstd)
            throw new ArgumentException($"{codec.Codec} is no codec of a record batch.", nameof(codec));
        Volatile.Write(ref All[(int)codec.Codec], codec);
    }

    internal static IRecordCodec? Find(CompressionCodec codec) => Volatile.Read(ref All[(int)codec]);
}

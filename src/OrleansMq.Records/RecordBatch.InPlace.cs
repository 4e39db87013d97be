using static System.Buffers.Binary.BinaryPrimitives;

namespace OrleansMq.Records;

public readonly partial struct RecordBatch
{
    /// <summary>Gives a batch its place in a partition. Both fields lie outside the CRC, so the rest of the batch is not touched.</summary>
    /// <param name="batch">Its bytes; anything after the header is not looked at.</param>
    /// <param name="baseOffset">Offset of the first record.</param>
    /// <param name="leaderEpoch">Epoch of the writer.</param>
    /// <exception cref="ArgumentException">Fewer bytes than a header has.</exception>
    public static void Place(Span<byte> batch, long baseOffset, int leaderEpoch)
    {
        if (batch.Length < HeaderSize)
            throw new ArgumentException($"A record batch has at least {HeaderSize} bytes, not {batch.Length}.", nameof(batch));
        WriteInt64BigEndian(batch[BatchLayout.BaseOffset..], baseOffset);
        WriteInt32BigEndian(batch[BatchLayout.PartitionLeaderEpoch..], leaderEpoch);
    }

    /// <summary>Gives a batch its place in its producer's order, and takes the CRC anew.</summary>
    /// <param name="batch">Exactly one batch.</param>
    /// <param name="producerId">-1 for none, and then the others too.</param>
    /// <param name="producerEpoch">Fences older incarnations of the producer.</param>
    /// <param name="baseSequence">Sequence of the first record.</param>
    /// <exception cref="ArgumentException">The bytes are not exactly one batch.</exception>
    public static void Stamp(Span<byte> batch, long producerId, short producerEpoch, int baseSequence)
    {
        if (batch.Length < HeaderSize || ReadInt32BigEndian(batch[BatchLayout.BatchLength..]) != batch.Length - BatchLayout.LengthFrom)
            throw new ArgumentException($"The {batch.Length} bytes are not exactly one record batch.", nameof(batch));
        WriteInt64BigEndian(batch[BatchLayout.ProducerId..], producerId);
        WriteInt16BigEndian(batch[BatchLayout.ProducerEpoch..], producerEpoch);
        WriteInt32BigEndian(batch[BatchLayout.BaseSequence..], baseSequence);
        Seal(batch);
    }

    /// <summary>Takes the CRC of a finished batch and writes it.</summary>
    internal static void Seal(Span<byte> batch) =>
        WriteUInt32BigEndian(batch[BatchLayout.Crc..], Crc32C.Compute(batch[BatchLayout.Attributes..]));
}

using OrleansMq.Records;

namespace OrleansMq.Gateways;

/// <param name="Batch">Its frame, header and CRC are checked.</param>
/// <param name="Rich">A record carries a reserved header.</param>
public readonly record struct IncomingBatch(RecordBatch Batch, bool Rich);

/// <summary>What a client sends as octets: record batches one after the other, all checked before the first is appended.</summary>
public static class IncomingBatches
{
    /// <summary>How far the records of one compressed batch may inflate. 32 MiB: eight times a topic's default batch.</summary>
    public const int MaxInflatedBytes = 32 << 20;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>, <see cref="ErrorCodes.BatchCorrupt"/> or <see cref="ErrorCodes.BatchTooLarge"/>.</exception>
    public static IReadOnlyList<IncomingBatch> Split(ReadOnlyMemory<byte> octets)
    {
        var batches = new List<IncomingBatch>();
        var reader = new RecordBatchReader(octets);
        while (true)
        {
            var at = reader.Consumed;
            if (!reader.MoveNext())
                break;
            batches.Add(Look(reader.Current, at));
        }
        if (reader.Status != BatchReadStatus.Done)
            throw Corrupt(reader.Consumed, reader.Status == BatchReadStatus.Incomplete ? "it is cut short" : "its length is none");
        return batches.Count > 0 ? batches : throw new MqException(ErrorCodes.Malformed, "There is no record batch.");
    }

    /// <summary>Whether any record carries a header whose name is reserved: the broker then has to open the batch. Never believed from the wire.</summary>
    /// <remarks>
    /// Bytes without the prefix anywhere are plain without a look inside. A batch in a codec that this process can't open is taken as plain:
    /// the broker refuses it then.
    /// </remarks>
    public static bool IsRich(RecordBatch batch)
    {
        if (batch.Codec == CompressionCodec.None && batch.Memory.Span[RecordBatch.HeaderSize..].IndexOf(ReservedHeaders.PrefixUtf8) < 0)
            return false;
        try
        {
            foreach (var record in batch.Records(MaxInflatedBytes))
                foreach (var header in record.Headers)
                    if (ReservedHeaders.IsReserved(header.KeyUtf8.Span))
                        return true;
            return false;
        }
        catch (CodecUnavailableException)
        {
            return false;
        }
    }

    private static IncomingBatch Look(RecordBatch batch, int at)
    {
        var fault = batch.Check();
        if (fault != BatchFault.None)
            throw Corrupt(at, $"fault {fault}");
        if (batch.IsControl)
            throw new MqException(ErrorCodes.Malformed, $"The record batch at byte {at} is a transaction's marker; only the broker writes those.");
        try
        {
            return new IncomingBatch(batch, IsRich(batch));
        }
        catch (MalformedBatchException e) when (e.Fault == BatchFault.TooLarge)
        {
            throw new MqException(ErrorCodes.BatchTooLarge, $"The records of the batch at byte {at} inflate to more than {MaxInflatedBytes} bytes.", inner: e);
        }
        catch (MalformedBatchException e)
        {
            throw Corrupt(at, e.Message);
        }
    }

    private static MqException Corrupt(int at, string why) => new(ErrorCodes.BatchCorrupt, $"The record batch at byte {at} is damaged: {why}.");
}

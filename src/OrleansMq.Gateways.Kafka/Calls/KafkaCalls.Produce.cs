using OrleansMq.Gateways.Kafka.Protocol;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>Batches in.</summary>
internal sealed partial class KafkaCalls
{
    private static readonly TimeSpan MaxAppendWait = TimeSpan.FromSeconds(30);

    private readonly ProduceOrder _order = new();

    private async Task<bool> Produce(RequestHeader header, ProduceRequest request, KafkaWriter writer)
    {
        var results = new ProduceResult[request.Partitions.Count];
        if (RefusalOf(header, request) is { } refusal)
        {
            Array.Fill(results, refusal);
        }
        else
        {
            var terms = new ProduceTerms(
                request.Acks switch { 0 => Acks.None, 1 => Acks.Accepted, _ => Acks.Durable },
                TimeSpan.FromMilliseconds(Math.Clamp(request.TimeoutMs, 0, (int)MaxAppendWait.TotalMilliseconds)),
                header.ClientId,
                request.TransactionalId);
            if (results.Length == 1)
                results[0] = await Append(request.Partitions[0], terms);
            else
                results = await Task.WhenAll(request.Partitions.Select(partition => Append(partition, terms)));
        }
        if (request.Acks != 0)
        {
            ProduceResponse.Write(writer, header.Version, request.Partitions, results);
            return true;
        }
        // Kafka's way to tell one who asked for no answer: he asks for the metadata anew.
        foreach (var result in results)
            if (result.Error != KafkaError.None)
                throw new MalformedRequestException($"A batch without acknowledgement was refused: {result.Error} {result.Message}");
        return false;
    }

    private readonly record struct ProduceTerms(Acks Acks, TimeSpan Wait, string Client, string? TransactionalId);

    private ProduceResult? RefusalOf(RequestHeader header, ProduceRequest request)
    {
        if (Apis.OnlyLists(header.Key, header.Version))
            return ProduceResult.Refused(KafkaError.UnsupportedVersion, null);
        if (request.Acks is < -1 or > 1)
            return ProduceResult.Refused(KafkaError.InvalidRequiredAcks, $"acks is 0, 1 or -1; {request.Acks} was given.");
        if (request.TransactionalId is not { } id)
            return null;
        try
        {
            Demand(AccessOperations.Produce, ResourceKind.Producer, id);
            return null;
        }
        catch (MqException e)
        {
            return ProduceResult.Refused(KafkaError.TransactionalIdAuthorizationFailed, e.Message);
        }
    }

    /// <summary>Begun before it first waits, so that batches of a connection come to their partition in their order.</summary>
    private Task<ProduceResult> Append(ProducePartition part, ProduceTerms terms)
    {
        if (!NameRule.IsValid(part.Topic))
            return Task.FromResult(ProduceResult.Refused(KafkaError.InvalidTopic, null));
        if (FaultOf(part.Records, out var batch) is { } fault)
            return Task.FromResult(ProduceResult.Refused(fault, null));
        // Who names no transactional id has shown no right to one.
        if (batch.IsTransactional && terms.TransactionalId is null)
            return Task.FromResult(ProduceResult.Refused(KafkaError.TransactionalIdAuthorizationFailed, "A batch of a transaction needs the transactional id in its request."));
        var request = new AppendRequest
        {
            Topic = part.Topic,
            Partition = part.Partition,
            Batch = part.Records,
            Rich = IsRich(batch),
            Acks = terms.Acks,
            Wait = terms.Wait,
            Client = terms.Client,
            TransactionalId = terms.TransactionalId,
        };
        return _order.Append(Broker, request);
    }

    /// <summary>Only the frame; the rest is the broker's to check.</summary>
    private static KafkaError? FaultOf(ReadOnlyMemory<byte> records, out RecordBatch batch)
    {
        batch = default;
        // Older formats have their magic at the same place.
        if (records.Length > 16 && records.Span[16] < 2)
            return KafkaError.UnsupportedForMessageFormat;
        if (RecordBatch.TryRead(records, out batch) != BatchReadStatus.Done)
            return KafkaError.CorruptMessage;
        return batch.Length == records.Length ? null : KafkaError.InvalidRecord;
    }

    /// <summary>Compressed batches are taken as they are: nothing is inflated to look for our headers.</summary>
    private static bool IsRich(in RecordBatch batch)
    {
        try
        {
            return batch.Codec == CompressionCodec.None && IncomingBatches.IsRich(batch);
        }
        catch (MalformedBatchException)
        {
            return false;
        }
    }
}

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>InitProducerId 0-4: <c>transactional id | transaction timeout i32 | (3) producer i64 | epoch i16</c>.</summary>
/// <param name="Known">What the producer was until now, where it says so.</param>
internal sealed record InitProducerIdRequest(string? TransactionalId, int TimeoutMs, ProducerIdentity? Known)
{
    public static InitProducerIdRequest Read(ref KafkaReader reader, short version)
    {
        var (id, timeout) = (reader.NullableString(), reader.Int32());
        ProducerIdentity? known = version >= 3 ? new ProducerIdentity(reader.Int64(), reader.Int16()) : null;
        reader.Tags();
        return new InitProducerIdRequest(id, timeout, known is { Id: >= 0, Epoch: >= 0 } ? known : null);
    }
}

internal static class InitProducerIdResponse
{
    public static void Write(KafkaWriter writer, KafkaError error, ProducerIdentity producer)
    {
        writer.Throttle();
        writer.Error(error);
        writer.Int64(error == KafkaError.None ? producer.Id : -1);
        writer.Int16(error == KafkaError.None ? producer.Epoch : (short)-1);
        writer.Tags();
    }
}

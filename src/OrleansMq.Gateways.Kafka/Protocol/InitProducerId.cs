namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>InitProducerId 0-1: <c>transactional id | transaction timeout i32</c>.</summary>
internal sealed record InitProducerIdRequest(string? TransactionalId)
{
    public static InitProducerIdRequest Read(ref KafkaReader reader, short version)
    {
        var id = reader.NullableString();
        reader.Int32();
        return new InitProducerIdRequest(id);
    }
}

internal static class InitProducerIdResponse
{
    public static void Write(KafkaWriter writer, KafkaError error, ProducerIdentity producer)
    {
        writer.Int32(0);
        writer.Error(error);
        writer.Int64(error == KafkaError.None ? producer.Id : -1);
        writer.Int16(error == KafkaError.None ? producer.Epoch : (short)-1);
    }
}

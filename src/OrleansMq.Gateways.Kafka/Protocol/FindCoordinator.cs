namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>FindCoordinator 0-2: <c>key | (1) kind i8: 0 group, 1 transaction</c>.</summary>
internal sealed record FindCoordinatorRequest(string Key, bool ForTransaction)
{
    public static FindCoordinatorRequest Read(ref KafkaReader reader, short version) => new(reader.String(), version >= 1 && reader.Byte() != 0);
}

internal static class FindCoordinatorResponse
{
    private static readonly KafkaNode Nobody = new(-1, "", -1, "");

    public static void Write(KafkaWriter writer, short version, KafkaError error, string? message, KafkaNode? node)
    {
        if (version >= 1)
            writer.Int32(0);
        writer.Error(error);
        if (version >= 1)
            writer.NullableString(message);
        (node ?? Nobody).Write(writer);
    }
}

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>FindCoordinator 0-4: <c>key | (1) kind i8: 0 group, 1 transaction</c>, from 4 <c>kind | keys [name]</c>.</summary>
internal sealed record FindCoordinatorRequest(IReadOnlyList<string> Keys, bool ForTransaction)
{
    public static FindCoordinatorRequest Read(ref KafkaReader reader, short version)
    {
        string[] keys = version >= 4 ? [] : [reader.String()];
        var forTransaction = version >= 1 && reader.Byte() != 0;
        if (version >= 4)
            keys = reader.StringArray();
        reader.Tags();
        return new FindCoordinatorRequest(keys, forTransaction);
    }
}

/// <param name="Node">Null where there is an error.</param>
internal readonly record struct FoundCoordinator(string Key, KafkaError Error, string? Message, KafkaNode? Node);

internal static class FindCoordinatorResponse
{
    private static readonly KafkaNode Nobody = new(-1, "", -1, "");

    /// <param name="found">One before version 4.</param>
    public static void Write(KafkaWriter writer, short version, IReadOnlyList<FoundCoordinator> found)
    {
        if (version >= 1)
            writer.Throttle();
        if (version >= 4)
        {
            writer.Array(found, (w, each) =>
            {
                w.String(each.Key);
                (each.Node ?? Nobody).Write(w);
                w.Error(each.Error);
                w.NullableString(each.Message);
            });
        }
        else
        {
            var only = found[0];
            writer.Error(only.Error);
            if (version >= 1)
                writer.NullableString(only.Message);
            (only.Node ?? Nobody).Write(writer);
        }
        writer.Tags();
    }
}

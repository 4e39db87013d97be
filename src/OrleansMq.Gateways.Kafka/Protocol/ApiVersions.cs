namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>ApiVersions 0-3: <c>(3) client's name | client's version</c>.</summary>
internal static class ApiVersionsRequest
{
    public static bool Read(ref KafkaReader reader, short version)
    {
        if (version < 3)
            return true;
        reader.String();
        reader.String();
        reader.Tags();
        return true;
    }
}

internal static class ApiVersionsResponse
{
    /// <param name="version">0 where the client's own is not served, so that every client can read the answer.</param>
    public static void Write(KafkaWriter writer, short version, KafkaError error)
    {
        writer.Error(error);
        writer.Array(Apis.All, (w, api) =>
        {
            w.Int16((short)api.Key);
            w.Int16(api.Min);
            w.Int16(api.Max);
        });
        if (version >= 1)
            writer.Throttle();
        writer.Tags();
    }
}

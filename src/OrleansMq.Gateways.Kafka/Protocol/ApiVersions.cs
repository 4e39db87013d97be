namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>ApiVersions 0-3; 3 is flexible: <c>client's name | client's version</c>, both compact, and tags.</summary>
internal static class ApiVersionsRequest
{
    public static bool Read(ref KafkaReader reader, short version)
    {
        if (version < 3)
            return true;
        reader.CompactString();
        reader.CompactString();
        reader.SkipTags();
        return true;
    }
}

internal static class ApiVersionsResponse
{
    /// <param name="version">0 where the client's own is not served, so that every client can read the answer.</param>
    public static void Write(KafkaWriter writer, short version, KafkaError error)
    {
        writer.Error(error);
        if (version >= 3)
            writer.UVarint((uint)Apis.All.Count + 1);
        else
            writer.Int32(Apis.All.Count);
        foreach (var api in Apis.All)
        {
            writer.Int16((short)api.Key);
            writer.Int16(api.Min);
            writer.Int16(api.Max);
            if (version >= 3)
                writer.UVarint(0);
        }
        if (version >= 1)
            writer.Int32(0);
        if (version >= 3)
            writer.UVarint(0);
    }
}

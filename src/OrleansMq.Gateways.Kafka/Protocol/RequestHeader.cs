namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>
/// What every request begins with:
/// <code>
/// api key i16 | version i16 | correlation i32 | client id, nullable string | tagged fields, of flexible versions alone
/// </code>
/// </summary>
internal readonly record struct RequestHeader(ApiKey Key, short Version, int Correlation, string ClientId)
{
    /// <summary>Bytes before the client id.</summary>
    public const int FixedSize = 8;

    /// <summary>The only flexible version that is served.</summary>
    public bool IsFlexible => Key == ApiKey.ApiVersions && Version >= 3;

    public static bool TryRead(ref KafkaReader reader, out RequestHeader header)
    {
        var (key, version, correlation) = ((ApiKey)reader.Int16(), reader.Int16(), reader.Int32());
        var client = reader.NullableString() ?? "";
        header = new RequestHeader(key, version, correlation, client);
        if (header.IsFlexible && Apis.Serves(key, version))
            reader.SkipTags();
        return !reader.Failed;
    }
}

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

    public bool IsFlexible => Apis.IsFlexible(Key, Version);

    /// <summary>The answer's header has tagged fields too, that to ApiVersions excepted: its reader does not know yet what we serve.</summary>
    public bool HasFlexibleAnswerHeader => IsFlexible && Key != ApiKey.ApiVersions;

    /// <param name="body">What follows the header.</param>
    public static bool TryRead(ReadOnlyMemory<byte> frame, out RequestHeader header, out ReadOnlyMemory<byte> body)
    {
        var reader = new KafkaReader(frame);
        var (key, version, correlation) = ((ApiKey)reader.Int16(), reader.Int16(), reader.Int32());
        var client = reader.NullableString() ?? "";
        header = new RequestHeader(key, version, correlation, client);
        body = reader.Rest();
        if (!header.IsFlexible || reader.Failed)
            return !reader.Failed;
        // The client's name is an old string in every version; only the tagged fields behind it are of the new form.
        var tags = new KafkaReader(body, flexible: true);
        tags.Tags();
        body = tags.Rest();
        return !tags.Failed;
    }
}

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>SaslHandshake 0-1: <c>mechanism</c>. After 0 the mechanism's messages come as frames of their own, after 1 within SaslAuthenticate.</summary>
internal sealed record SaslHandshakeRequest(string Mechanism)
{
    public static SaslHandshakeRequest Read(ref KafkaReader reader, short version) => new(reader.String());
}

internal static class SaslHandshakeResponse
{
    public static void Write(KafkaWriter writer, KafkaError error, IReadOnlyList<string> mechanisms)
    {
        writer.Error(error);
        writer.Count(mechanisms.Count);
        foreach (var mechanism in mechanisms)
            writer.String(mechanism);
    }
}

/// <summary>SaslAuthenticate 0-2: <c>the mechanism's message, bytes</c>.</summary>
/// <param name="Message">Borrowed from the request.</param>
internal sealed record SaslAuthenticateRequest(ReadOnlyMemory<byte> Message)
{
    public static SaslAuthenticateRequest Read(ref KafkaReader reader, short version)
    {
        var message = reader.Bytes();
        reader.Tags();
        return new SaslAuthenticateRequest(message);
    }
}

/// <param name="SessionMs">When the client has to show again who it is; 0: never.</param>
internal readonly record struct SaslAnswer(KafkaError Error, string? Message, ReadOnlyMemory<byte> Bytes, long SessionMs)
{
    public static SaslAnswer Refused(KafkaError error, string message) => new(error, message, default, 0);
}

internal static class SaslAuthenticateResponse
{
    public static void Write(KafkaWriter writer, short version, SaslAnswer answer)
    {
        writer.Error(answer.Error);
        writer.NullableString(answer.Message);
        writer.Bytes(answer.Bytes.Span);
        if (version >= 1)
            writer.Int64(answer.SessionMs);
        writer.Tags();
    }
}

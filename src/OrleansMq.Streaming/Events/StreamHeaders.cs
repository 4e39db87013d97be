using Orleans.Serialization;

namespace OrleansMq.Streaming;

/// <summary>The headers by which events say what a message has no field for.</summary>
internal static class StreamHeaders
{
    /// <summary>The body is Orleans' serializer's.</summary>
    public const string Orleans = "orleans";

    /// <summary>The producer's request context, written by Orleans' serializer, as base64.</summary>
    public const string Context = "orleans-context";

    public static KeyValuePair<string, string>[] MarkedOrleans { get; } = [new(Orleans, "1")];

    public static ReadOnlySpan<byte> OrleansUtf8 => "orleans"u8;

    public static string WriteContext(Serializer serializer, Dictionary<string, object> context) =>
        Convert.ToBase64String(serializer.SerializeToArray(context));

    public static Dictionary<string, object>? ReadContext(Serializer serializer, StreamEvent message) =>
        message.Header(Context) is { } text ? serializer.Deserialize<Dictionary<string, object>>(Convert.FromBase64String(text)) : null;
}

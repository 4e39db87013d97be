using System.Text;
using System.Text.Json;
using Orleans.Configuration;
using Orleans.Serialization;

namespace OrleansMq.Streaming;

/// <summary>
/// The default: writes bodies with Orleans' serializer, marked by the header <c>orleans</c>, or as JSON; reads both, whoever wrote them. From a message
/// without that header come a <c>byte[]</c>, a <c>string</c>, the <see cref="StreamEvent"/> itself, or what its JSON makes of the type asked for.
/// </summary>
internal sealed class StreamDataAdapter(Serializer serializer, StreamBodies bodies, JsonSerializerOptions json) : IStreamDataAdapter
{
    public const string Json = "application/json";

    public Message Write<T>(StreamId stream, T item)
    {
        if (bodies == StreamBodies.Json)
            return new Message { Body = JsonSerializer.SerializeToUtf8Bytes(item, json), ContentType = Json };
        // As object: the type travels with it, so that a subscriber to a base type gets what was sent.
        return new Message { Body = serializer.SerializeToArray<object?>(item), Headers = StreamHeaders.MarkedOrleans };
    }

    public T Read<T>(StreamId stream, StreamEvent message)
    {
        if (message.IsOrleans)
            return (T)serializer.Deserialize<object?>(message.Body)!;
        if (typeof(T) == typeof(byte[]))
            return (T)(object)message.Body;
        if (typeof(T) == typeof(ReadOnlyMemory<byte>))
            return (T)(object)new ReadOnlyMemory<byte>(message.Body);
        if (typeof(T) == typeof(StreamEvent))
            return (T)(object)message;
        if (typeof(T) == typeof(string) && message.ContentType != Json)
            return (T)(object)Encoding.UTF8.GetString(message.Body);
        return JsonSerializer.Deserialize<T>(message.Body, json)!;
    }
}

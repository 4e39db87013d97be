using Orleans.Serialization;

namespace OrleansMq.Streaming;

/// <summary>What turns events into messages and back, of one provider.</summary>
internal sealed class StreamCodec(IStreamDataAdapter adapter, Serializer serializer, StreamKey keys)
{
    public IStreamDataAdapter Adapter => adapter;

    public StreamKey Keys => keys;

    public Dictionary<string, object>? ReadContext(StreamEvent each) => StreamHeaders.ReadContext(serializer, each);

    public Message Write<T>(StreamId stream, T item, string? token, Dictionary<string, object>? context, string? traceParent)
    {
        var message = adapter.Write(stream, item) with { Key = keys.Write(stream), Token = token };
        if (context is not { Count: > 0 } && traceParent is null)
            return message;
        var headers = new List<KeyValuePair<string, string>>(message.Headers);
        if (context is { Count: > 0 })
            headers.Add(new(StreamHeaders.Context, StreamHeaders.WriteContext(serializer, context)));
        if (traceParent is not null)
            headers.Add(new(Records.ReservedHeaders.TraceParent, traceParent));
        return message with { Headers = headers };
    }
}

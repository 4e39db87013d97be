using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>Events of one stream that follow one another, as they are handed to one subscriber in one call.</summary>
/// <remarks>
/// Its token is that of its last event, so that a subscriber who says "I had up to here" says it of the whole batch. Bodies become events where the
/// subscriber is: the agent never deserializes, and no two subscribers share an object.
/// </remarks>
[GenerateSerializer]
[Immutable]
[SerializationCallbacks(typeof(OnDeserializedCallbacks))]
[Alias("OrleansMq.StreamBatch")]
internal sealed class StreamBatch : IBatchContainer, IOnDeserialized
{
    [Id(0)]
    private readonly string _provider;

    [Id(1)]
    private readonly int _partition;

    [Id(2)]
    private readonly StreamEvent[] _events;

    [Id(5)]
    private readonly Guid _topicId;

    [Id(6)]
    private readonly int _epoch;

    [NonSerialized]
    private StreamCodec? _codec;

    /// <param name="events">All of one log.</param>
    public StreamBatch(string provider, StreamId stream, int partition, StreamEvent[] events, StreamCodec codec, StreamCursor? cursor)
    {
        (_provider, StreamId, _partition, _events, _codec, Cursor) = (provider, stream, partition, events, codec, cursor);
        if (events[0].Log is { } log)
            (_topicId, _epoch) = (log.TopicId, log.Epoch);
        SequenceToken = TokenOf(events[^1]);
    }

    /// <summary>Without events: stands where an earlier token was, so that whoever advances past that token loses nothing.</summary>
    public StreamBatch(string provider, StreamId stream, StreamSequenceToken token, StreamCodec codec, StreamCursor? cursor)
    {
        (_provider, StreamId, _events, _codec, Cursor) = (provider, stream, [], codec, cursor);
        SequenceToken = token;
    }

    [Id(3)]
    public StreamId StreamId { get; private set; }

    [Id(4)]
    public StreamSequenceToken SequenceToken { get; private set; }

    [field: NonSerialized]
    public StreamCursor? Cursor { get; }

    /// <summary>
    /// The event at which a subscriber in this silo stands, who takes them one by one; -1 where that is not known: it is elsewhere, has not begun, or takes
    /// the batch as one. What can't be read has been refused by nobody, and says nothing of those before it.
    /// </summary>
    [field: NonSerialized]
    public int StoppedAt { get; private set; } = -1;

    public IReadOnlyList<StreamEvent> Events => _events;

    public int Partition => _partition;

    public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>()
    {
        var codec = _codec ?? throw new InvalidOperationException("A stream batch was read before it was whole.");
        // All of them before the first is given: whoever takes the batch as one runs through it before it takes anything.
        var read = Array.ConvertAll(_events, each => (Item: codec.Adapter.Read<T>(StreamId, each), Context: codec.ReadContext(each)));
        for (var i = 0; i < read.Length; i++)
        {
            StoppedAt = i;
            // The subscriber's OnNextAsync runs while the iterator stands here, so the event's context is the one it sees.
            var (item, context) = read[i];
            foreach (var (key, value) in context ?? [])
                RequestContext.Set(key, value);
            yield return Tuple.Create<T, StreamSequenceToken>(item, TokenOf(_events[i]));
            foreach (var (key, _) in context ?? [])
                RequestContext.Remove(key);
        }

        StoppedAt = -1;
    }

    /// <summary>Each event brings its own, in <see cref="GetEvents{T}"/>.</summary>
    public bool ImportRequestContext() => false;

    public override string ToString() => $"{_events.Length} events of {StreamId} up to {SequenceToken}";

    void IOnDeserialized.OnDeserialized(DeserializationContext context) => _codec = context.ServiceProvider.GetRequiredKeyedService<StreamCodec>(_provider);

    private OrleansMqSequenceToken TokenOf(StreamEvent each) =>
        new(_partition, each.Offset) { IdempotencyToken = each.Token, TimestampMs = each.TimestampMs, TopicId = _topicId, Epoch = _epoch };
}

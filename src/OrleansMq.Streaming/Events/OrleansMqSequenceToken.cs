using Orleans.Providers.Streams.Common;
using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>
/// Where an event stands: the message's offset in its partition, and its place in the message. The same event has the same token each time it is delivered.
/// A plain <see cref="EventSequenceTokenV2"/> with an offset may be given in its place, where the stream lies in one partition.
/// </summary>
[GenerateSerializer]
[Alias("OrleansMq.SequenceToken")]
public sealed class OrleansMqSequenceToken : EventSequenceTokenV2
{
    public OrleansMqSequenceToken()
    {
    }

    public OrleansMqSequenceToken(int partition, long offset, int eventIndex = 0) : base(offset, eventIndex) => Partition = partition;

    [Id(0)]
    public int Partition { get; init; }

    /// <summary>The token that the producer gave its message, if any. No part of the position: it plays no role in comparisons.</summary>
    [Id(1)]
    public string? IdempotencyToken { get; init; }

    /// <summary>The time that the producer gave, in Unix milliseconds.</summary>
    [Id(2)]
    public long TimestampMs { get; init; }

    /// <summary>
    /// The topic that it is of, by its <see cref="TopicDescription.Id"/>: one that is made anew under the name begins at offset 0 again. Empty where that was not told: by an earlier
    /// release, or over HTTP.
    /// </summary>
    [Id(3)]
    public Guid TopicId { get; init; }

    /// <summary>
    /// Of the opening of the partition that stored the event; it only grows. What was never flushed may be lost, and its offset be another event's, of a later opening. 0 where that was
    /// not told.
    /// </summary>
    [Id(4)]
    public int Epoch { get; init; }

    /// <summary>
    /// Made by the agent's feed to say where new events of a stream begin: no subscriber asked for it. It does not travel, so a token that a subscriber sends
    /// back never has it.
    /// </summary>
    [field: NonSerialized]
    internal bool IsWakeUp { get; init; }

    public Position Position => new(Partition, SequenceNumber);

    public override EventSequenceTokenV2 CreateSequenceTokenForEvent(int eventInd) =>
        new OrleansMqSequenceToken(Partition, SequenceNumber, eventInd) { IdempotencyToken = IdempotencyToken, TimestampMs = TimestampMs, TopicId = TopicId, Epoch = Epoch };

    public override bool Equals(object? obj) => obj is StreamSequenceToken other && Equals(other);

    public override bool Equals(StreamSequenceToken? other) => other is EventSequenceTokenV2 or EventSequenceToken && CompareTo(other) == 0;

    /// <summary>
    /// By partition first: partitions are only added, and a stream that moved to a new one has its later events there. A token without a partition compares
    /// by its offset. The same position in another topic, or in what the topic has in place of what it lost, is another.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The other is a token of another kind of provider.</exception>
    public override int CompareTo(StreamSequenceToken? other)
    {
        switch (other)
        {
            case null:
                return 1;
            case OrleansMqSequenceToken mine when mine.Partition != Partition:
                return Partition.CompareTo(mine.Partition);
            case EventSequenceTokenV2 or EventSequenceToken:
                var byPlace = (SequenceNumber, EventIndex).CompareTo((other.SequenceNumber, other.EventIndex));
                return byPlace == 0 && other is OrleansMqSequenceToken same ? CompareLogs(same) : byPlace;
            default:
                throw new ArgumentOutOfRangeException(nameof(other), other, $"A {other.GetType().Name} is no position in a topic.");
        }
    }

    // Where one does not say, it may be the same.
    private int CompareLogs(OrleansMqSequenceToken other)
    {
        if (TopicId != other.TopicId && TopicId != Guid.Empty && other.TopicId != Guid.Empty)
            return TopicId.CompareTo(other.TopicId);
        return Epoch > 0 && other.Epoch > 0 ? Epoch.CompareTo(other.Epoch) : 0;
    }

    public override int GetHashCode() => HashCode.Combine(SequenceNumber, EventIndex);

    public override string ToString() => $"{Position}";

    public static bool operator ==(OrleansMqSequenceToken? left, OrleansMqSequenceToken? right) => left is null ? right is null : left.Equals(right);

    public static bool operator !=(OrleansMqSequenceToken? left, OrleansMqSequenceToken? right) => !(left == right);

    public static bool operator <(OrleansMqSequenceToken left, OrleansMqSequenceToken right) => left.CompareTo(right) < 0;

    public static bool operator <=(OrleansMqSequenceToken left, OrleansMqSequenceToken right) => left.CompareTo(right) <= 0;

    public static bool operator >(OrleansMqSequenceToken left, OrleansMqSequenceToken right) => left.CompareTo(right) > 0;

    public static bool operator >=(OrleansMqSequenceToken left, OrleansMqSequenceToken right) => left.CompareTo(right) >= 0;
}

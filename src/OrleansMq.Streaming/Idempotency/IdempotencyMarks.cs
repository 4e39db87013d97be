using Orleans.Streams;
using OrleansMq.Streaming;

namespace OrleansMq;

/// <summary>
/// Which events a grain has taken into account. It is a part of the grain's own state, so that it is stored with the effect or not at all. Bounded: one position
/// for each stream and partition that the grain reads, and the newest idempotency tokens.
/// </summary>
[GenerateSerializer]
[Alias("OrleansMq.IdempotencyMarks")]
public sealed class IdempotencyMarks
{
    /// <summary>Tokens remembered where nothing else is said.</summary>
    public const int DefaultTokens = 1_000;

    /// <summary>Streams and partitions remembered where nothing else is said; the one longest without an event goes first.</summary>
    public const int DefaultStreams = 1_000;

    /// <summary>The last event taken, by stream and partition; the one that was taken last is last.</summary>
    [Id(0)]
    public List<IdempotencyMark> Positions { get; set; } = [];

    /// <summary>From the oldest to the newest.</summary>
    [Id(1)]
    public List<string> Tokens { get; set; } = [];

    /// <summary>Whether an event was taken: its position is not beyond the last one of its stream, or its token is remembered.</summary>
    public bool Contains(StreamId stream, StreamSequenceToken token)
    {
        var (partition, text) = (PartitionOf(token), stream.ToString());
        foreach (var mark in Positions)
            if (mark.Partition == partition && mark.Stream == text)
                return IsUpTo(token, mark) || (TokenOf(token) is { } given && Tokens.Contains(given));
        return TokenOf(token) is { } known && Tokens.Contains(known);
    }

    public bool Contains(string token) => Tokens.Contains(token);

    public void Add(StreamId stream, StreamSequenceToken token, int maxStreams = DefaultStreams, int maxTokens = DefaultTokens)
    {
        var (topic, epoch) = token is OrleansMqSequenceToken mine ? (mine.TopicId, mine.Epoch) : default;
        var mark = new IdempotencyMark(stream.ToString(), PartitionOf(token), token.SequenceNumber, token.EventIndex, topic, epoch);
        Positions.RemoveAll(each => each.Partition == mark.Partition && each.Stream == mark.Stream);
        Positions.Add(mark);
        if (Positions.Count > maxStreams)
            Positions.RemoveRange(0, Positions.Count - maxStreams);
        if (TokenOf(token) is { } given)
            Add(given, maxTokens);
    }

    public void Add(string token, int maxTokens = DefaultTokens)
    {
        if (Tokens.Contains(token))
            return;
        Tokens.Add(token);
        if (Tokens.Count > maxTokens)
            Tokens.RemoveRange(0, Tokens.Count - maxTokens);
    }

    /// <summary>Lets the stream's events be taken again: before a grain rewinds to work them off anew.</summary>
    public void Forget(StreamId stream)
    {
        var text = stream.ToString();
        Positions.RemoveAll(mark => mark.Stream == text);
    }

    private static bool IsUpTo(StreamSequenceToken token, IdempotencyMark mark) => !IsNewerThanItsLog(token, mark)
        && (token.SequenceNumber < mark.Offset || (token.SequenceNumber == mark.Offset && token.EventIndex <= mark.EventIndex));

    /// <summary>Of a topic that was made anew, or in place of what one lost that was not flushed: then what the mark counts is gone. Openings only follow one another along a log.</summary>
    private static bool IsNewerThanItsLog(StreamSequenceToken token, IdempotencyMark mark)
    {
        if (token is not OrleansMqSequenceToken mine)
            return false;
        var isOfAnother = mine.TopicId != mark.TopicId && mine.TopicId != Guid.Empty && mark.TopicId != Guid.Empty;
        return isOfAnother || (mark.Epoch > 0 && mine.Epoch > mark.Epoch);
    }

    private static int PartitionOf(StreamSequenceToken token) => token is OrleansMqSequenceToken mine ? mine.Partition : 0;

    private static string? TokenOf(StreamSequenceToken token) => token is OrleansMqSequenceToken mine ? mine.IdempotencyToken : null;
}

/// <summary>The last event of a stream in one partition that a grain has taken into account.</summary>
/// <param name="TopicId">Empty in marks of earlier releases, and where the event did not say: such a mark counts for any topic of the name.</param>
/// <param name="Epoch">0 likewise.</param>
[GenerateSerializer]
[Immutable]
[Alias("OrleansMq.IdempotencyMark")]
public sealed record IdempotencyMark(
    [property: Id(0)] string Stream,
    [property: Id(1)] int Partition,
    [property: Id(2)] long Offset,
    [property: Id(3)] int EventIndex,
    [property: Id(4)] Guid TopicId = default,
    [property: Id(5)] int Epoch = 0);

namespace OrleansMq.Streaming;

/// <summary>What a feed knows of one stream.</summary>
internal sealed class StreamEntry(StreamId stream, long knownFrom)
{
    public StreamId Stream => stream;

    /// <summary>From this offset on the feed saw every event of the stream; of what lies below it knows nothing.</summary>
    public long KnownFrom { get; private set; } = knownFrom;

    /// <summary>Of the last event seen; -1 where none was.</summary>
    public long LastOffset { get; set; } = -1;

    /// <summary>One for each subscription, and for a short while one that holds a place while the agent asks who subscribes.</summary>
    public List<StreamCursor> Cursors { get; } = [];

    /// <summary>New events while there is no cursor yet: the agent opens one before it polls again, or nobody subscribes.</summary>
    public List<StreamEvent>? Fresh { get; set; }

    /// <summary>
    /// Places of cursors that the agent let go of: the same subscription takes its place again, or it is gone, or the agent stops and the next one needs to know.
    /// </summary>
    public List<LeftPlace> Left { get; } = [];

    /// <summary>Whether nothing of the stream lies between an offset and the feed's head.</summary>
    public bool HasNothingFrom(long offset) => offset > LastOffset && offset >= KnownFrom;

    /// <summary>The log ends here, and goes on with other events.</summary>
    public void GoBackTo(long offset)
    {
        KnownFrom = Math.Min(KnownFrom, offset);
        LastOffset = Math.Min(LastOffset, offset - 1);
        for (var i = 0; i < Left.Count; i++)
            Left[i] = Left[i] with { Offset = Math.Min(Left[i].Offset, offset) };
    }

    /// <summary>The lowest offset that was not settled where a cursor was let go of; <see cref="long.MaxValue"/> where all was.</summary>
    public long FirstLeft
    {
        get
        {
            var lowest = long.MaxValue;
            foreach (var place in Left)
                lowest = Math.Min(lowest, place.Offset);
            return lowest;
        }
    }

    /// <summary>The lowest offset that some subscription has not settled; null when there is none. What is fresh counts as unsettled.</summary>
    public long? FirstUnsettled
    {
        get
        {
            var lowest = long.MaxValue;
            foreach (var cursor in Cursors)
                lowest = Math.Min(lowest, cursor.FirstUnsettled ?? long.MaxValue);
            lowest = Math.Min(lowest, FirstLeft);
            if (Fresh is { Count: > 0 } fresh)
                lowest = Math.Min(lowest, fresh[0].Offset);
            return lowest == long.MaxValue ? null : lowest;
        }
    }
}

/// <summary>Where a cursor was that the agent let go of.</summary>
/// <param name="Offset">The first that it had not settled; <see cref="long.MaxValue"/> where it had settled all.</param>
/// <param name="Until">The feed's time from which on nobody is expected to come for it.</param>
internal readonly record struct LeftPlace(Guid Subscription, long Offset, long Until);

namespace OrleansMq.Core.Delay;

/// <summary>What is remembered of a stored frame of delayed messages; the messages themselves stay on disk.</summary>
public sealed class ScheduledFrame
{
    /// <summary>The lowest and the highest offset that it covers; a frame that was rolled forward has gaps between.</summary>
    public required long First { get; init; }

    public required long Last { get; init; }

    /// <summary>Where it stands in the log.</summary>
    public required long Position { get; init; }

    /// <summary>The earliest due time among its messages when it was written.</summary>
    public required long FirstDueMs { get; init; }

    /// <summary>32 bits of the hash of each token in it, to find which frames to read for a token; null without tokens.</summary>
    public required uint[]? Tokens { get; init; }

    /// <summary>Messages in it when it was written, and the bytes of their batch.</summary>
    public required int Count { get; init; }

    public required int Bytes { get; init; }

    /// <summary>About so many bytes still wait.</summary>
    public long PendingBytes => (long)Bytes * Pending / Count;

    /// <summary>Messages that still wait. At 0 the frame is forgotten.</summary>
    public int Pending { get; internal set; }

    /// <summary>Messages due before this time are known one by one.</summary>
    internal long LoadedToMs { get; set; }

    /// <summary>No message that is not known one by one is due before this; <see cref="long.MaxValue"/> when all are known.</summary>
    internal long FarDueMs { get; set; }
}

/// <summary>A delayed message whose time has come.</summary>
public readonly record struct DueMessage(long Offset, long DueMs, long Position);

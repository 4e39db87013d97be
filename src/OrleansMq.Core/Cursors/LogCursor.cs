using System.Buffers;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Cursors;

/// <summary>What to do with a commit.</summary>
public enum CommitDecision
{
    Accept = 0,

    /// <summary>The partition has seen a newer generation: <see cref="ErrorCodes.GenerationStale"/>.</summary>
    Stale = 1,

    /// <summary>Beyond the lane's end, or negative: <see cref="ErrorCodes.OffsetOutOfRange"/>.</summary>
    OutOfRange = 2,
}

/// <summary>A log-style group's cursor on one partition: the next offset to be read, and the newest generation that committed.</summary>
public sealed class LogCursor
{
    private const byte FormatVersion = 1;

    public LogCursor(long start) => Committed = start;

    /// <summary>The next offset to be read. It goes back when it is sought, or when a member commits lower.</summary>
    public long Committed { get; private set; }

    /// <summary>The highest generation that committed; never falls.</summary>
    public int Generation { get; private set; }

    /// <summary>Messages that retention removed before they were committed.</summary>
    public long Dropped { get; private set; }

    public long Lag(long laneEnd) => Math.Max(0, laneEnd - Committed);

    /// <summary>
    /// A commit lower than the present one is accepted, as Kafka does: the member knows where it wants to be. Generation 0 is
    /// whoever reads alone; the group has checked that it has no members.
    /// </summary>
    public CommitDecision Decide(long offset, int generation, long laneEnd)
    {
        if (generation != 0 && generation < Generation)
            return CommitDecision.Stale;
        return offset < 0 || offset > laneEnd ? CommitDecision.OutOfRange : CommitDecision.Accept;
    }

    public void ApplyCommitted(long offset, int generation) => (Committed, Generation) = (offset, Math.Max(Generation, generation));

    public void ApplySought(long offset) => Committed = offset;

    /// <summary>The messages below are gone.</summary>
    public void ApplyDropped(long newStart)
    {
        if (newStart <= Committed)
            return;
        Dropped += newStart - Committed;
        Committed = newStart;
    }

    /// <summary>After an unclean end the log is shorter than what was committed.</summary>
    public void ClampTo(long laneEnd) => Committed = Math.Min(Committed, laneEnd);

    /// <summary><code>version u8 = 1 | committed i64 | generation i32 | dropped i64</code></summary>
    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(FormatVersion);
        writer.Int64(Committed);
        writer.Int32(Generation);
        writer.Int64(Dropped);
    }

    public static LogCursor Load(ref StateReader reader)
    {
        reader.Version(FormatVersion, "log cursor");
        var cursor = new LogCursor(reader.Natural()) { Generation = reader.Int32(), Dropped = reader.Natural() };
        StateReader.Check(cursor.Generation >= 0, "A log cursor's generation is negative.");
        return cursor;
    }
}

namespace OrleansMq.Engine.Turns;

/// <summary>
/// The clock of one opening: begins at the later of the wall clock and the log's newest time, and then follows the monotonic clock, so that it never
/// runs back and jumps of the wall clock neither end leases nor hold them.
/// </summary>
public sealed class EngineClock(TimeProvider time, long notBeforeMs)
{
    private readonly long _startMs = Math.Max(notBeforeMs, time.GetUtcNow().ToUnixTimeMilliseconds());
    private readonly long _startTicks = time.GetTimestamp();

    public TimeProvider Time => time;

    /// <summary>Milliseconds since 1970.</summary>
    public long NowMs => _startMs + (long)time.GetElapsedTime(_startTicks).TotalMilliseconds;
}

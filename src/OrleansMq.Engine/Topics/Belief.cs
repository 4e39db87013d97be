namespace OrleansMq.Engine.Topics;

/// <summary>What was read of documents that others write too is believed for a time; whoever changes them answers when that time is over, so that by then nobody goes by the old.</summary>
internal static class Belief
{
    /// <summary>The finest a timer can be set to.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    /// <summary>Waits by the clock that ages are told by: a timer goes by a coarser one, and may come a few milliseconds before its time.</summary>
    public static async Task Outlast(TimeSpan age, TimeProvider time)
    {
        var from = time.GetTimestamp();
        for (var left = age; left >= TimeSpan.Zero; left = age - time.GetElapsedTime(from))
            await Task.Delay(left + Tick, time);
    }
}

using System.Diagnostics;

namespace OrleansMq.Simulation.Worlds;

/// <summary>Real time for a world whose machine is a real program: its answers come from other threads, and time passes by itself.</summary>
internal sealed class Pace : IDisposable
{
    /// <summary>Nothing at all for so long: somebody waits for what never comes.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly AutoResetEvent _arrived = new(false);

    public long Ticks => Stopwatch.GetElapsedTime(_began).Ticks;

    /// <summary>Work came.</summary>
    public void Wake() => _arrived.Set();

    /// <summary>Waits until work comes or it is so late.</summary>
    /// <returns>False when neither came in all patience.</returns>
    public bool WaitUntil(long? dueTicks)
    {
        var wait = dueTicks is { } due ? TimeSpan.FromTicks(Math.Max(0, due - Ticks)) : Patience;
        // A millisecond more: the event's clock is coarser than ours, and too early would be a turn for nothing.
        return _arrived.WaitOne(wait + TimeSpan.FromMilliseconds(dueTicks is null ? 0 : 1)) || dueTicks is not null;
    }

    public void Dispose() => _arrived.Dispose();
}

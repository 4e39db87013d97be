namespace OrleansMq;

/// <summary>Delays that double, each between half and the whole of its step, so that many clients don't come back as one.</summary>
internal sealed class Backoff(TimeSpan first, TimeSpan max, int? seed = null)
{
    private readonly Random _jitter = seed is { } given ? new Random(given) : new Random();

    /// <param name="failures">In a row, from 1.</param>
    /// <param name="retryAfter">The broker's hint; kept to where it is longer.</param>
    public TimeSpan Delay(int failures, TimeSpan? retryAfter = null)
    {
        var step = Math.Min(max.Ticks, first.Ticks * Math.Pow(2, Math.Min(failures - 1, 40)));
        var delay = TimeSpan.FromTicks((long)(step * (0.5 + _jitter.NextDouble() / 2)));
        return retryAfter > delay ? retryAfter.Value : delay;
    }
}

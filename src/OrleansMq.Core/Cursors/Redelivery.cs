namespace OrleansMq.Core.Cursors;

/// <summary>When a message that came back is delivered again, and how often at most. From a group's settings; immutable.</summary>
public sealed class Redelivery
{
    private readonly long[] backoffMs;

    public Redelivery(int maxDeliveries, params ReadOnlySpan<long> backoffMs) => (MaxDeliveries, this.backoffMs) = (maxDeliveries, backoffMs.ToArray());

    /// <summary>A returned message with so many deliveries is exhausted: it waits for the engine to move it to dead letters.</summary>
    public int MaxDeliveries { get; }

    public static Redelivery Of(GroupSettings settings)
    {
        var steps = new long[settings.Backoff.Count];
        for (var i = 0; i < steps.Length; i++)
            steps[i] = (long)settings.Backoff[i].TotalMilliseconds;
        return new Redelivery(settings.MaxDeliveries, steps);
    }

    /// <summary>The delay after the <paramref name="attempts"/>th delivery (from 1); the last step is repeated.</summary>
    public long DelayMs(int attempts) => backoffMs.Length == 0 ? 0 : backoffMs[Math.Clamp(attempts - 1, 0, backoffMs.Length - 1)];
}

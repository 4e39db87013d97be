namespace OrleansMq;

/// <summary>How an application's calls to the cluster behave. Everything has a working default.</summary>
public sealed record ClusterBrokerOptions
{
    /// <summary>
    /// How long a call is tried again while a silo is lost or a partition moves. 15 s: ownership is back within 10 s with the tuned settings. Only calls that may be
    /// repeated are; another one whose outcome is not known ends with <see cref="ErrorCodes.OutcomeUnknown"/>.
    /// </summary>
    public TimeSpan RetryFor { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>The first pause between two tries; each is twice as long as the one before, up to a second. 20 ms.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>How long a topic's settings are believed: its number of partitions can't shrink, and partitions check sizes themselves. 5 s.</summary>
    public TimeSpan TopicCache { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// While some appends to a partition are under way, those that come gather and go as one call, of at most so many bytes of batches. 64 KiB: what Orleans carries fastest. 0: each goes alone.
    /// At most half of what a message may have, Orleans' <c>MaxMessageBodySize</c> (100 MiB).
    /// </summary>
    public int AppendCallBytes { get; set; } = 64 << 10;

    /// <summary>The clock that waiting goes by; a test gives a virtual one.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <exception cref="ArgumentException">A value is negative; says which.</exception>
    public void Validate()
    {
        foreach (var (name, value) in ((string, TimeSpan)[])[(nameof(RetryFor), RetryFor), (nameof(RetryDelay), RetryDelay), (nameof(TopicCache), TopicCache)])
            if (value < TimeSpan.Zero)
                throw new ArgumentException($"{name} is not negative; {value} was given.");
        if (AppendCallBytes < 0)
            throw new ArgumentException($"{nameof(AppendCallBytes)} is not negative; {AppendCallBytes} was given.");
    }
}

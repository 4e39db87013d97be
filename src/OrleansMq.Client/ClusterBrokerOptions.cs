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

    /// <summary>The clock that waiting goes by; a test gives a virtual one.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <exception cref="ArgumentException">A time is not positive; says which.</exception>
    public void Validate()
    {
        foreach (var (name, value) in ((string, TimeSpan)[])[(nameof(RetryFor), RetryFor), (nameof(RetryDelay), RetryDelay), (nameof(TopicCache), TopicCache)])
            if (value < TimeSpan.Zero)
                throw new ArgumentException($"{name} is not negative; {value} was given.");
    }
}

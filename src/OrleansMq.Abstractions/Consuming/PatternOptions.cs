namespace OrleansMq;

/// <summary>How a <see cref="PatternConsumer"/> finds its topics.</summary>
public sealed record PatternOptions
{
    public const int DefaultMaxTopics = 100;

    /// <summary>How long until a topic that is new is consumed, and one that is gone is left. 10 s.</summary>
    public TimeSpan DiscoveryInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Topics consumed at once; each has workers and a waiting call of its own. Those beyond, by the order of names, wait until others are gone, and are told of and counted.</summary>
    public int MaxTopics { get; init; } = DefaultMaxTopics;

    /// <summary>Told of lists that failed, of consumers that could not be started, and of more topics than <see cref="MaxTopics"/>; all of it is dealt with already. May be called from any thread; must not throw.</summary>
    public Action<Exception>? OnError { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range, and is named.</exception>
    internal PatternOptions Checked()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(DiscoveryInterval, TimeSpan.FromMilliseconds(1), nameof(DiscoveryInterval));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxTopics, 1, nameof(MaxTopics));
        return this;
    }
}

/// <summary>What a <see cref="PatternConsumer"/> consumes now.</summary>
/// <param name="Topics">In the order of their names.</param>
/// <param name="BeyondLimit">Topics that match and are not consumed, because there are <see cref="PatternOptions.MaxTopics"/>.</param>
/// <param name="Rounds">How often the topics were listed.</param>
/// <param name="Errors">Lists that failed, and consumers that could not be started.</param>
public sealed record PatternStatistics(IReadOnlyList<TopicName> Topics, int BeyondLimit, long Rounds, long Errors);

using System.Collections.Concurrent;

namespace OrleansMq.Gateways.Kafka;

/// <summary>What patterns match now: looked for once for all members of one user that have the same pattern.</summary>
internal sealed class PatternMatches(TimeProvider time)
{
    /// <summary>Beyond it all are forgotten, and looked for again.</summary>
    public const int MaxKept = 1_000;

    /// <summary>How late a topic that was made is matched; as Kafka.</summary>
    public static readonly TimeSpan MatchAgain = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(string Who, string Pattern), Matching> _matchings = new();

    /// <param name="topics">Those that the user sees.</param>
    /// <returns>The same list for as long as it is not looked for again.</returns>
    public Task<TopicName[]> Of(string who, TopicPattern pattern, Func<Task<IReadOnlyList<string>>> topics)
    {
        var (key, now) = ((who, pattern.Text), time.GetTimestamp());
        if (_matchings.TryGetValue(key, out var known) && time.GetElapsedTime(known.BegunAt, now) < MatchAgain && !known.Names.Value.IsFaulted && !known.Names.Value.IsCanceled)
            return known.Names.Value;
        if (_matchings.Count >= MaxKept)
            _matchings.Clear();
        var next = new Matching(now, new Lazy<Task<TopicName[]>>(async () => [.. (await topics()).Where(pattern.Matches).Select(topic => new TopicName(topic))]));
        // Of those who found it old at once, the first looks.
        var kept = known is null || !_matchings.TryUpdate(key, next, known) ? _matchings.GetOrAdd(key, next) : next;
        return kept.Names.Value;
    }

    private sealed record Matching(long BegunAt, Lazy<Task<TopicName[]>> Names);
}

using System.Collections.Concurrent;

namespace OrleansMq.Gateways.Kafka;

/// <summary>What patterns match now: looked for once for all members of one user that have the same pattern.</summary>
internal sealed class PatternMatches(TimeProvider time)
{
    /// <summary>Patterns. Beyond it all are forgotten, and looked for again.</summary>
    public const int MaxKept = 1_000;

    /// <summary>Names that they match, together; as above.</summary>
    public const int MaxNames = 1_000_000;

    /// <summary>How late a topic that was made is matched; as Kafka.</summary>
    public static readonly TimeSpan MatchAgain = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<(string Who, string Pattern), Matching> _matchings = new();

    public int Kept => _matchings.Count;

    /// <param name="topics">Those that the user sees.</param>
    /// <returns>The same list for as long as it is not looked for again.</returns>
    public Task<TopicName[]> Of(string who, TopicPattern pattern, Func<Task<IReadOnlyList<string>>> topics)
    {
        var key = (who, pattern.Text);
        if (_matchings.TryGetValue(key, out var known) && !IsOld(known) && !known.Names.IsFaulted && !known.Names.IsCanceled)
            return known.Names;
        var next = new Matching(time.GetTimestamp(), async () => [.. (await topics()).Where(pattern.Matches).Select(topic => new TopicName(topic))], Trim);
        Trim();
        // Of those who found it old at once, the first looks.
        var kept = known is null || !_matchings.TryUpdate(key, next, known) ? _matchings.GetOrAdd(key, next) : next;
        return kept.Names;
    }

    private bool IsOld(Matching matching) => time.GetElapsedTime(matching.BegunAt) >= MatchAgain;

    /// <summary>Makes room for one, and drops what nobody asked for again in time.</summary>
    private void Trim()
    {
        var (count, names) = (0, 0L);
        foreach (var (key, matching) in _matchings)
        {
            if (IsOld(matching) && _matchings.TryRemove(KeyValuePair.Create(key, matching)))
                continue;
            count++;
            names += matching.Count;
        }

        if (count >= MaxKept || names > MaxNames)
            _matchings.Clear();
    }

    private sealed class Matching
    {
        private readonly Lazy<Task<TopicName[]>> _names;
        private int _count;

        public Matching(long begunAt, Func<Task<TopicName[]>> look, Action done)
        {
            BegunAt = begunAt;
            _names = new(async () =>
            {
                var names = await look();
                _count = names.Length;
                done();
                return names;
            });
        }

        public long BegunAt { get; }

        public Task<TopicName[]> Names => _names.Value;

        /// <summary>0 until they are known.</summary>
        public int Count => Volatile.Read(ref _count);
    }
}

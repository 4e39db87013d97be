using System.Globalization;

namespace OrleansMq.Core.Groups;

/// <summary>
/// Shares as equal as they can be made by handing single partitions on, from what is there: who has a partition keeps it, what is nobody's goes to whoever has least, and
/// then whoever has most hands on to whoever has least until they differ by one at most.
/// </summary>
/// <remarks>Where members want different topics, two may differ by more: when none of what the one has is wanted by the other. All members are named by their ranks.</remarks>
internal sealed class UniformShares
{
    /// <summary>Partitions that each has, over all topics.</summary>
    private readonly int[] _counts;

    /// <summary>Topics that the same members want are one: only so who gives is never given to.</summary>
    private readonly List<Common> _commons = [];

    public UniformShares(IReadOnlyList<Sharer> sharers, Readers readers, IEnumerable<SeenTopic> topics)
    {
        _counts = new int[sharers.Count];
        var owners = new Dictionary<TopicPart, int>();
        for (var rank = 0; rank < sharers.Count; rank++)
            foreach (var part in sharers[readers.Places[rank]].Present)
                owners[part] = rank;
        var known = new Dictionary<int[], Common>();
        var byReaders = new Dictionary<string, Common>(StringComparer.Ordinal);
        foreach (var topic in topics)
        {
            var ranks = readers.Of(topic.Name);
            if (ranks.Length == 0)
                continue;
            if (!known.TryGetValue(ranks, out var common))
                known[ranks] = common = CommonOf(ranks, byReaders);
            Keep(topic, common, owners);
        }

        foreach (var common in _commons)
            Give(common);
    }

    /// <returns>By rank.</returns>
    public HashSet<TopicPart>[] Level()
    {
        // Every step makes the sum of the squares smaller, so it ends.
        for (var moved = true; moved;)
        {
            moved = false;
            foreach (var common in _commons)
                moved |= HandOn(common);
        }

        HashSet<TopicPart>[] shares = [.. _counts.Select(_ => new HashSet<TopicPart>())];
        foreach (var common in _commons)
            for (var reader = 0; reader < common.Ranks.Length; reader++)
                shares[common.Ranks[reader]].UnionWith(common.Parts[reader] ?? []);
        return shares;
    }

    /// <summary>Topics in different lists may have the same readers all the same.</summary>
    private Common CommonOf(int[] ranks, Dictionary<string, Common> byReaders)
    {
        var key = string.Join(',', ranks.Select(rank => rank.ToString(CultureInfo.InvariantCulture)));
        if (!byReaders.TryGetValue(key, out var common))
            _commons.Add(byReaders[key] = common = new Common(ranks));
        return common;
    }

    private void Keep(SeenTopic topic, Common common, Dictionary<TopicPart, int> owners)
    {
        for (var partition = 0; partition < topic.Partitions; partition++)
        {
            var part = new TopicPart(topic.Id, partition);
            if (!owners.TryGetValue(part, out var owner) || Array.BinarySearch(common.Ranks, owner) is not (>= 0 and var reader))
            {
                common.Free.Add(part);
                continue;
            }

            common.Add(reader, part);
            _counts[owner]++;
        }
    }

    private void Give(Common common)
    {
        if (common.Free.Count == 0)
            return;
        var least = new PriorityQueue<int, (int Count, int Reader)>(common.Ranks.Select((rank, reader) => (reader, (_counts[rank], reader))));
        foreach (var part in common.Free)
        {
            var reader = least.Dequeue();
            common.Add(reader, part);
            least.Enqueue(reader, (++_counts[common.Ranks[reader]], reader));
        }
    }

    /// <returns>Whether any partition changed hands.</returns>
    private bool HandOn(Common common)
    {
        if (IsLevel(common))
            return false;
        // Of those with as many the last gives, and the first is given to. A place in a queue is good while its count is.
        var givers = new PriorityQueue<int, (int Less, int Later)>();
        var takers = new PriorityQueue<int, (int Count, int Reader)>();
        for (var reader = 0; reader < common.Ranks.Length; reader++)
            Queue(reader);
        for (var moved = false; ; moved = true)
        {
            while (givers.TryPeek(out var one, out var at) && (-at.Less != CountOf(one) || common.CountOf(one) == 0))
                givers.Dequeue();
            while (takers.TryPeek(out var one, out var at) && at.Count != CountOf(one))
                takers.Dequeue();
            if (!givers.TryPeek(out var most, out _) || !takers.TryPeek(out var least, out _) || CountOf(most) - CountOf(least) <= 1)
                return moved;
            common.Add(least, common.TakeFrom(most));
            _counts[common.Ranks[most]]--;
            _counts[common.Ranks[least]]++;
            Queue(most);
            Queue(least);
        }

        int CountOf(int reader) => _counts[common.Ranks[reader]];

        void Queue(int reader)
        {
            takers.Enqueue(reader, (CountOf(reader), reader));
            if (common.CountOf(reader) > 0)
                givers.Enqueue(reader, (-CountOf(reader), -reader));
        }
    }

    private bool IsLevel(Common common)
    {
        var (most, least) = (int.MinValue, int.MaxValue);
        for (var reader = 0; reader < common.Ranks.Length; reader++)
        {
            var count = _counts[common.Ranks[reader]];
            least = Math.Min(least, count);
            if (common.CountOf(reader) > 0)
                most = Math.Max(most, count);
        }

        return most == int.MinValue || most - least <= 1;
    }

    /// <summary>What the same members want.</summary>
    /// <param name="ranks">Theirs, ascending; <see cref="Parts"/> is in the same order.</param>
    private sealed class Common(int[] ranks)
    {
        public int[] Ranks => ranks;
        public List<TopicPart>?[] Parts { get; } = new List<TopicPart>?[ranks.Length];
        public List<TopicPart> Free { get; } = [];

        public int CountOf(int reader) => Parts[reader]?.Count ?? 0;

        public void Add(int reader, TopicPart part) => (Parts[reader] ??= []).Add(part);

        public TopicPart TakeFrom(int reader)
        {
            var parts = Parts[reader]!;
            var part = parts[^1];
            parts.RemoveAt(parts.Count - 1);
            return part;
        }
    }
}

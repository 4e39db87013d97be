namespace OrleansMq.Core.Groups;

/// <summary>
/// Shares as equal as they can be made by handing single partitions on, from what is there: who has a partition keeps it, what is nobody's goes to whoever has least, and
/// then whoever has most hands on to whoever has least until they differ by one at most.
/// </summary>
/// <remarks>Where members want different topics, two may differ by more: when none of what the one has is wanted by the other.</remarks>
internal sealed class UniformShares
{
    /// <summary>Partitions that each has, over all topics.</summary>
    private readonly int[] _counts;

    private readonly List<OfTopic> _topics = [];

    public UniformShares(IReadOnlyList<Sharer> sharers, IEnumerable<SeenTopic> topics)
    {
        _counts = new int[sharers.Count];
        var owners = new Dictionary<TopicPart, int>();
        for (var place = 0; place < sharers.Count; place++)
            foreach (var part in sharers[place].Present)
                owners[part] = place;
        foreach (var topic in topics)
            if (Shares.ReadersOf(topic.Name, sharers) is { Length: > 0 } readers)
                _topics.Add(new OfTopic(topic.Id, readers, Keep(topic, readers, owners)));
        foreach (var topic in _topics)
            Give(topic);
    }

    public HashSet<TopicPart>[] Level()
    {
        // Every step makes the sum of the squares smaller, so it ends.
        for (var moved = true; moved;)
        {
            moved = false;
            foreach (var topic in _topics)
                moved |= HandOn(topic);
        }

        HashSet<TopicPart>[] shares = [.. _counts.Select(_ => new HashSet<TopicPart>())];
        foreach (var topic in _topics)
            for (var reader = 0; reader < topic.Readers.Length; reader++)
                shares[topic.Readers[reader]].UnionWith(topic.Parts[reader].Select(partition => new TopicPart(topic.Id, partition)));
        return shares;
    }

    private (List<int>[] Parts, List<int> Free) Keep(SeenTopic topic, int[] readers, Dictionary<TopicPart, int> owners)
    {
        List<int>[] parts = [.. readers.Select(_ => new List<int>())];
        var free = new List<int>();
        var readerOf = readers.Select((place, reader) => (place, reader)).ToDictionary(pair => pair.place, pair => pair.reader);
        for (var partition = 0; partition < topic.Partitions; partition++)
        {
            if (!owners.TryGetValue(new TopicPart(topic.Id, partition), out var owner) || !readerOf.TryGetValue(owner, out var reader))
            {
                free.Add(partition);
                continue;
            }

            parts[reader].Add(partition);
            _counts[owner]++;
        }

        return (parts, free);
    }

    private void Give(OfTopic topic)
    {
        var least = new PriorityQueue<int, (int Count, int Reader)>(topic.Readers.Select((place, reader) => (reader, (_counts[place], reader))));
        foreach (var partition in topic.Free)
        {
            var reader = least.Dequeue();
            topic.Parts[reader].Add(partition);
            least.Enqueue(reader, (++_counts[topic.Readers[reader]], reader));
        }
    }

    /// <returns>Whether any partition of the topic changed hands.</returns>
    private bool HandOn(OfTopic topic)
    {
        for (var moved = false; ; moved = true)
        {
            var (most, least) = (-1, 0);
            for (var reader = 0; reader < topic.Readers.Length; reader++)
            {
                if (topic.Parts[reader].Count > 0 && (most < 0 || CountOf(reader) >= CountOf(most)))
                    most = reader;
                if (CountOf(reader) < CountOf(least))
                    least = reader;
            }

            if (most < 0 || CountOf(most) - CountOf(least) <= 1)
                return moved;
            topic.Parts[least].Add(topic.Parts[most][^1]);
            topic.Parts[most].RemoveAt(topic.Parts[most].Count - 1);
            _counts[topic.Readers[most]]--;
            _counts[topic.Readers[least]]++;
        }

        int CountOf(int reader) => _counts[topic.Readers[reader]];
    }

    /// <param name="readers">Places among all, in their order; <see cref="Parts"/> is in the same.</param>
    private sealed class OfTopic(Guid id, int[] readers, (List<int>[] Parts, List<int> Free) kept)
    {
        public Guid Id => id;
        public int[] Readers => readers;
        public List<int>[] Parts => kept.Parts;
        public List<int> Free => kept.Free;
    }
}

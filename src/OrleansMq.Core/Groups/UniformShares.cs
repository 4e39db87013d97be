using System.Globalization;

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

    /// <summary>Topics that the same members want are one: only so who gives is never given to.</summary>
    private readonly List<Common> _commons = [];

    public UniformShares(IReadOnlyList<Sharer> sharers, IEnumerable<SeenTopic> topics)
    {
        _counts = new int[sharers.Count];
        var owners = new Dictionary<TopicPart, int>();
        for (var place = 0; place < sharers.Count; place++)
            foreach (var part in sharers[place].Present)
                owners[part] = place;
        var byReaders = new Dictionary<string, Common>(StringComparer.Ordinal);
        foreach (var topic in topics)
        {
            var readers = Shares.ReadersOf(topic.Name, sharers);
            if (readers.Length == 0)
                continue;
            var key = string.Join(',', readers.Select(place => place.ToString(CultureInfo.InvariantCulture)));
            if (!byReaders.TryGetValue(key, out var common))
                _commons.Add(byReaders[key] = common = new Common(readers));
            Keep(topic, common, owners);
        }

        foreach (var common in _commons)
            Give(common);
    }

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
            for (var reader = 0; reader < common.Readers.Length; reader++)
                shares[common.Readers[reader]].UnionWith(common.Parts[reader]);
        return shares;
    }

    private void Keep(SeenTopic topic, Common common, Dictionary<TopicPart, int> owners)
    {
        for (var partition = 0; partition < topic.Partitions; partition++)
        {
            var part = new TopicPart(topic.Id, partition);
            if (!owners.TryGetValue(part, out var owner) || !common.ReaderOf.TryGetValue(owner, out var reader))
            {
                common.Free.Add(part);
                continue;
            }

            common.Parts[reader].Add(part);
            _counts[owner]++;
        }
    }

    private void Give(Common common)
    {
        var least = new PriorityQueue<int, (int Count, int Reader)>(common.Readers.Select((place, reader) => (reader, (_counts[place], reader))));
        foreach (var part in common.Free)
        {
            var reader = least.Dequeue();
            common.Parts[reader].Add(part);
            least.Enqueue(reader, (++_counts[common.Readers[reader]], reader));
        }
    }

    /// <returns>Whether any partition changed hands.</returns>
    private bool HandOn(Common common)
    {
        for (var moved = false; ; moved = true)
        {
            var (most, least) = (-1, 0);
            for (var reader = 0; reader < common.Readers.Length; reader++)
            {
                if (common.Parts[reader].Count > 0 && (most < 0 || CountOf(reader) >= CountOf(most)))
                    most = reader;
                if (CountOf(reader) < CountOf(least))
                    least = reader;
            }

            if (most < 0 || CountOf(most) - CountOf(least) <= 1)
                return moved;
            common.Parts[least].Add(common.Parts[most][^1]);
            common.Parts[most].RemoveAt(common.Parts[most].Count - 1);
            _counts[common.Readers[most]]--;
            _counts[common.Readers[least]]++;
        }

        int CountOf(int reader) => _counts[common.Readers[reader]];
    }

    /// <summary>What the same members want.</summary>
    /// <param name="readers">Their places among all, in their order; <see cref="Parts"/> is in the same.</param>
    private sealed class Common(int[] readers)
    {
        public int[] Readers => readers;
        public Dictionary<int, int> ReaderOf { get; } = readers.Select((place, reader) => (place, reader)).ToDictionary(pair => pair.place, pair => pair.reader);
        public List<TopicPart>[] Parts { get; } = [.. readers.Select(_ => new List<TopicPart>())];
        public List<TopicPart> Free { get; } = [];
    }
}

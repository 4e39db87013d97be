namespace OrleansMq.Core.Groups;

/// <summary>One partition of one topic, which a name does not say: a topic that was deleted and made again is another.</summary>
public readonly record struct TopicPart(Guid Topic, int Partition);

/// <summary>A topic as it was looked up.</summary>
public sealed record SeenTopic(string Name, Guid Id, int Partitions);

/// <summary>Who wants a share.</summary>
/// <param name="Order">Those who want the same are served in the order of this.</param>
/// <param name="Topics">By name.</param>
/// <param name="Present">Its share so far; no part is in two.</param>
public sealed record Sharer(string Order, IReadOnlySet<string> Topics, IReadOnlySet<TopicPart> Present);

/// <summary>How a group's partitions are shared out. Both ways give the same for the same, and every partition that anybody wants to exactly one.</summary>
public static class Shares
{
    /// <summary>Everyone as many as the others, and as few as can be change hands.</summary>
    public const string Uniform = "uniform";

    /// <summary>Of each topic a run of neighbours: partitions of one number, of topics with as many, meet at one member.</summary>
    public const string Range = "range";

    public static IReadOnlyList<string> Known { get; } = [Uniform, Range];

    /// <returns>In the order of the sharers.</returns>
    public static HashSet<TopicPart>[] Of(string assignor, IReadOnlyList<Sharer> sharers, IEnumerable<SeenTopic> topics)
    {
        var inOrder = topics.OrderBy(topic => topic.Name, StringComparer.Ordinal);
        return assignor == Range ? ByRange(sharers, inOrder) : new UniformShares(sharers, inOrder).Level();
    }

    /// <returns>Places of those who want the topic, in their order.</returns>
    public static int[] ReadersOf(string topic, IReadOnlyList<Sharer> sharers) =>
        [.. Enumerable.Range(0, sharers.Count).Where(place => sharers[place].Topics.Contains(topic)).OrderBy(place => sharers[place].Order, StringComparer.Ordinal)];

    private static HashSet<TopicPart>[] ByRange(IReadOnlyList<Sharer> sharers, IEnumerable<SeenTopic> topics)
    {
        HashSet<TopicPart>[] shares = [.. sharers.Select(_ => new HashSet<TopicPart>())];
        foreach (var topic in topics)
        {
            var readers = ReadersOf(topic.Name, sharers);
            for (var place = 0; place < readers.Length; place++)
                shares[readers[place]].UnionWith(RangeAssignor.ShareOf(place, readers.Length, topic.Partitions).Select(partition => new TopicPart(topic.Id, partition)));
        }

        return shares;
    }
}

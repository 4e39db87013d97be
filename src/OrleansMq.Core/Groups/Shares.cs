namespace OrleansMq.Core.Groups;

/// <summary>One partition of one topic, which a name does not say: a topic that was deleted and made again is another.</summary>
public readonly record struct TopicPart(Guid Topic, int Partition);

/// <summary>A topic as it was looked up.</summary>
public sealed record SeenTopic(string Name, Guid Id, int Partitions);

/// <summary>Who wants a share.</summary>
/// <param name="Order">Those who want the same are served in the order of this.</param>
/// <param name="Lists">Topics by name, no name twice in a list. Those who want the same are served best where they have one list.</param>
/// <param name="Present">Its share so far; no part is in two.</param>
public sealed record Sharer(string Order, IReadOnlyList<string[]> Lists, IReadOnlySet<TopicPart> Present);

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
        var (readers, inOrder) = (new Readers(sharers), topics.OrderBy(topic => topic.Name, StringComparer.Ordinal));
        var byRank = assignor == Range ? ByRange(readers, inOrder) : new UniformShares(sharers, readers, inOrder).Level();
        var shares = new HashSet<TopicPart>[sharers.Count];
        for (var rank = 0; rank < byRank.Length; rank++)
            shares[readers.Places[rank]] = byRank[rank];
        return shares;
    }

    private static HashSet<TopicPart>[] ByRange(Readers readers, IEnumerable<SeenTopic> topics)
    {
        HashSet<TopicPart>[] shares = [.. readers.Places.Select(_ => new HashSet<TopicPart>())];
        foreach (var topic in topics)
        {
            var ranks = readers.Of(topic.Name);
            // Behind the last partition nobody has any.
            for (var place = 0; place < Math.Min(ranks.Length, topic.Partitions); place++)
                shares[ranks[place]].UnionWith(RangeAssignor.ShareOf(place, ranks.Length, topic.Partitions).Select(partition => new TopicPart(topic.Id, partition)));
        }

        return shares;
    }
}

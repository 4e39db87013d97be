using OrleansMq.Records;

namespace OrleansMq.Core.Catalog;

/// <summary>A count of partitions that a topic had until it grew.</summary>
/// <param name="UntilMs">When it had grown; milliseconds since 1970.</param>
public readonly record struct EarlierCount(int Partitions, long UntilMs);

/// <summary>
/// The counts of partitions that a topic has had, and so whose keys each partition took over. Where a count grew to a multiple of it, <c>n</c> to <c>k·n</c>, a key of
/// partition <c>p</c> stays there or goes to one of <c>p + n</c>, <c>p + 2n</c>, …: <c>p</c> is their predecessor. Where it was no multiple, keys went anywhere, and the new ones have none.
/// </summary>
/// <remarks>Invariant: the earlier counts rise, and the present one is greater than they.</remarks>
public sealed class PartitionLineage(IReadOnlyList<EarlierCount> earlier, int count)
{
    public int Count => count;

    public IReadOnlyList<EarlierCount> Earlier => earlier;

    /// <summary>A topic that never grew.</summary>
    public static PartitionLineage Of(int count) => new([], count);

    /// <summary>Whether a partition was there before the topic last grew, and has to know of it.</summary>
    public bool KnowsLastGrowth(int partition) => earlier is [.., var last] && partition < last.Partitions;

    /// <summary>The partition that had this one's keys before it was there; null where there is none, or nobody can say.</summary>
    public int? PredecessorOf(int partition) => BirthOf(partition) is { } before && CountBehind(before) % earlier[before].Partitions == 0 ? partition % earlier[before].Partitions : null;

    /// <summary>The partitions before this one, back to the first, that may have had a key of it since a time.</summary>
    public IEnumerable<int> AncestorsSince(int partition, long sinceMs)
    {
        for (var at = partition; PredecessorOf(at) is { } before; at = before)
        {
            if (earlier[BirthOf(at)!.Value].UntilMs < sinceMs)
                yield break;
            yield return before;
        }
    }

    /// <summary>Whether a key was its predecessor's until this partition came. One whose messages only named the partition was not.</summary>
    public bool TookOver(int partition, ReadOnlySpan<byte> key) =>
        PredecessorOf(partition) is not null && BirthOf(partition) is { } before && Murmur2.PartitionFor(key, CountBehind(before)) == partition;

    /// <summary>How many partitions there were before there were so many; null where nobody can say.</summary>
    public int? CountBefore(int partitions) =>
        count < partitions ? count : earlier.Where(one => one.Partitions < partitions).Select(one => (int?)one.Partitions).LastOrDefault();

    /// <summary>Which of the earlier counts was the last without this partition.</summary>
    private int? BirthOf(int partition)
    {
        for (var i = earlier.Count - 1; i >= 0; i--)
            if (partition >= earlier[i].Partitions)
                return i;
        return null;
    }

    private int CountBehind(int index) => index + 1 < earlier.Count ? earlier[index + 1].Partitions : count;
}

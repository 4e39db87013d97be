namespace OrleansMq.Core.Groups;

/// <summary>Kafka's range assignor for one topic: members in the order of their names have contiguous shares, the first ones one partition more.</summary>
internal static class RangeAssignor
{
    public static int[] ShareOf(int place, int members, int partitions)
    {
        var (each, more) = Math.DivRem(partitions, members);
        var from = place * each + Math.Min(place, more);
        return [.. Enumerable.Range(from, each + (place < more ? 1 : 0))];
    }
}

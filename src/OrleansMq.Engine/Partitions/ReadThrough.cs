using OrleansMq.Core.Filters;

namespace OrleansMq.Engine.Partitions;

/// <summary>The filters of one call that reads, and how much it may still look through in all its partitions together. For one partition after another.</summary>
/// <param name="maxBytes">As stored, or inflated where messages lie compressed.</param>
public sealed class ReadThrough(string? filter, GroupName? group, long maxBytes = FilterLimits.MaxBytesOfRead, CancellationToken cancel = default)
{
    private MessageFilter? _filter;
    private MessageFilter? _ofGroup;

    public GroupName? Group => group;

    public long Left { get; private set; } = maxBytes;

    public bool IsSpent => Left <= 0;

    /// <summary>Whoever waits is answered, and goes on behind that: else everything would be looked through again.</summary>
    public bool HasLooked { get; private set; }

    internal CancellationToken Cancel => cancel;

    internal void Looked(long bytes) => (Left, HasLooked) = (Left - bytes, true);

    /// <param name="ofGroup">The filter that the group has in the topic that is read.</param>
    internal List<FilterEvaluation> Begin(int partition, string? ofGroup)
    {
        List<FilterEvaluation> filters = [];
        if (filter is not null)
            filters.Add((_filter ??= MessageFilter.Parse(filter)).Begin(partition));
        if (ofGroup is null)
            return filters;
        if (_ofGroup?.Text != ofGroup)
            _ofGroup = MessageFilter.Parse(ofGroup);
        filters.Add(_ofGroup.Begin(partition));
        return filters;
    }
}

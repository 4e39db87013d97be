using OrleansMq.Core.Filters;

namespace OrleansMq.Core.Cursors;

/// <summary>What the cursor is told of messages before it grants them, where their offsets alone don't say whose turn it is: an order of its own, keys, a filter.</summary>
public partial class QueueCursor
{
    private MessageFilter? filter;

    /// <summary>With a filter and without a <see cref="window"/>: behind the last message that was held against it. Fresh messages from here on are not granted.</summary>
    private long looked;

    /// <summary>
    /// Fresh messages that don't match are not granted: whoever offers traits settles them (<see cref="Partitions.Partition.PassOver"/>). What was granted once is the group's, whatever the
    /// filter is by then. A setting of the group, not part of the saved state; a change begins to look at the floor again.
    /// </summary>
    public MessageFilter? Filter
    {
        get => filter;
        set
        {
            if (value?.Text == filter?.Text)
                return;
            filter = value;
            LookAnew();
        }
    }

    /// <summary>Which messages' traits are to be offered before <see cref="Select"/>: only groups by key, those with an order of their own and those with a filter want any.</summary>
    /// <param name="from">The first offset whose traits are wanted.</param>
    /// <param name="count">At most how many; fewer may be offered.</param>
    /// <param name="further">Also where there are messages to grant that were looked at.</param>
    public bool WantsTraits(long laneEnd, out long from, out int count, bool further = false)
    {
        (from, count) = (0, 0);
        if (window is not null)
            return window.Wants(laneEnd, out from, out count);
        if (filter is null || (Next < looked && !further))
            return false;
        from = looked = NextFresh(Math.Max(looked, Next));
        count = (int)Math.Clamp(laneEnd - from, 0, DeliveryWindow.MaxOffered);
        return count > 0;
    }

    /// <summary>The first offset whose traits were not offered yet; -1 where none are wanted.</summary>
    public long Scanned => window?.Scanned ?? (filter is null ? -1 : looked);

    /// <summary>Tells the traits of the messages from <paramref name="from"/> on; what is behind others that were not told is refused, see <see cref="DeliveryWindow.Offer"/>.</summary>
    public void Offer(long from, ReadOnlySpan<MessageTraits> traits)
    {
        window?.Offer(from, traits);
        if (from <= looked)
            looked = Math.Max(looked, from + traits.Length);
    }

    /// <summary>It was never granted nor settled.</summary>
    public bool IsFresh(long offset) => !IsSettled(offset) && (offset >= high || live.Find(offset) < 0);

    /// <summary>How far fresh messages may be granted.</summary>
    private long KnownEnd(long laneEnd) => filter is null ? laneEnd : Math.Min(laneEnd, looked);

    private void LookAnew()
    {
        looked = Floor;
        window?.Restart();
    }
}

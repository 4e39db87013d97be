namespace OrleansMq.Core.Cursors;

/// <summary>
/// Ready messages of several shares, which take turns: deficit round robin (Shreedhar and Varghese, 1995), with the deficit kept as a debt. A message is chosen in one turn of its share;
/// one that costs more lets the share's next turns pass. What a share without ready messages owes is forgiven, and it comes back behind the others.
/// </summary>
internal sealed class FairShares
{
    private readonly Dictionary<ulong, Share> shares = [];

    /// <summary>Those with a ready message, which are all; the next one first.</summary>
    private readonly LinkedList<Share> turns = new();

    public bool IsEmpty => turns.Count == 0;

    public void Add(long offset, in MessageTraits traits)
    {
        if (!shares.TryGetValue(traits.Share, out var share))
        {
            shares.Add(traits.Share, share = new Share());
            turns.AddLast(share.Turn);
        }

        share.Ready.Add((offset, traits.Cost));
    }

    public void Remove(long offset, in MessageTraits traits)
    {
        if (!shares.TryGetValue(traits.Share, out var share) || !share.Ready.Remove((offset, traits.Cost)) || share.Ready.Count > 0)
            return;
        shares.Remove(traits.Share);
        turns.Remove(share.Turn);
    }

    /// <summary>The lowest offset of the share whose turn it is. There is one.</summary>
    public long Choose()
    {
        while (true)
        {
            var share = turns.First!.Value;
            turns.RemoveFirst();
            turns.AddLast(share.Turn);
            if (share.Debt > 0)
            {
                share.Debt--;
                continue;
            }

            var (offset, cost) = share.Ready.Min;
            share.Debt = cost - 1;
            return offset;
        }
    }

    public void Clear()
    {
        shares.Clear();
        turns.Clear();
    }

    private sealed class Share
    {
        public Share() => Turn = new LinkedListNode<Share>(this);

        public LinkedListNode<Share> Turn { get; }

        public SortedSet<(long Offset, int Cost)> Ready { get; } = [];

        /// <summary>Turns to let pass.</summary>
        public int Debt { get; set; }
    }
}

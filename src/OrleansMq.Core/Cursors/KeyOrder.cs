namespace OrleansMq.Core.Cursors;

/// <summary>
/// The unsettled messages of a window and what is known of them, in the order of their keys: a chain for each key, of which only the first message may be
/// delivered. A message without a key is a chain by itself.
/// </summary>
/// <param name="keepsTraits">Whether the messages' traits count, or their keys alone.</param>
internal sealed class KeyOrder(bool keepsTraits)
{
    private readonly Dictionary<ulong, int> chainOfKey = [];
    private readonly Dictionary<long, int> linkOfOffset = [];
    private readonly Stack<int> freeLinks = new();
    private readonly Stack<int> freeChains = new();
    private Link[] links = new Link[64];
    private Chain[] chains = new Chain[64];
    private MessageTraits[] traitsOfLink = [];
    private int linkHeight, chainHeight;

    /// <summary>Messages in the window.</summary>
    public int Count => linkOfOffset.Count;

    public IEnumerable<long> Offsets => linkOfOffset.Keys;

    public bool Contains(long offset) => linkOfOffset.ContainsKey(offset);

    /// <summary>Where they count; else none.</summary>
    public MessageTraits TraitsOf(long offset) => keepsTraits ? traitsOfLink[linkOfOffset[offset]] : default;

    public ulong KeyOf(long offset) => chains[links[linkOfOffset[offset]].Chain].Key;

    /// <summary>Adds a message behind all others of its key.</summary>
    /// <param name="key">0: none, or one that does not count.</param>
    public void Add(long offset, ulong key, in MessageTraits traits)
    {
        var link = freeLinks.TryPop(out var free) ? free : Grow(ref links, ref linkHeight);
        var chain = ChainOf(key);
        links[link] = new Link { Offset = offset, Chain = chain, Before = chains[chain].Last, Behind = -1 };
        if (keepsTraits)
        {
            if (traitsOfLink.Length < links.Length)
                Array.Resize(ref traitsOfLink, links.Length);
            traitsOfLink[link] = traits;
        }

        if (chains[chain].Last < 0)
            chains[chain].First = link;
        else
            links[chains[chain].Last].Behind = link;
        chains[chain].Last = link;
        linkOfOffset.Add(offset, link);
    }

    /// <summary>Marks the message as leased or not.</summary>
    public void Hold(long offset, bool leased)
    {
        ref var link = ref links[linkOfOffset[offset]];
        if (link.Leased == leased)
            return;
        link.Leased = leased;
        chains[link.Chain].Leased += leased ? 1 : -1;
    }

    /// <summary>The first message of the same key.</summary>
    /// <param name="idle">Nobody has a message of it.</param>
    public long First(long offset, out bool idle)
    {
        ref readonly var chain = ref chains[links[linkOfOffset[offset]].Chain];
        idle = chain.Leased == 0;
        return links[chain.First].Offset;
    }

    /// <summary>The first message of a key, where there is one.</summary>
    public bool TryFirst(ulong key, out long offset)
    {
        offset = chainOfKey.TryGetValue(key, out var chain) ? links[chains[chain].First].Offset : -1;
        return offset >= 0;
    }

    /// <summary>Takes a message out.</summary>
    /// <param name="sameKey">Another message of its key, -1 when there is none.</param>
    public bool Remove(long offset, out long sameKey)
    {
        sameKey = -1;
        if (!linkOfOffset.Remove(offset, out var at))
            return false;
        var link = links[at];
        ref var chain = ref chains[link.Chain];
        if (link.Before < 0)
            chain.First = link.Behind;
        else
            links[link.Before].Behind = link.Behind;
        if (link.Behind < 0)
            chain.Last = link.Before;
        else
            links[link.Behind].Before = link.Before;
        chain.Leased -= link.Leased ? 1 : 0;
        freeLinks.Push(at);
        if (chain.First >= 0)
            sameKey = links[chain.First].Offset;
        else
            Free(link.Chain);
        return true;
    }

    public void Clear()
    {
        chainOfKey.Clear();
        linkOfOffset.Clear();
        freeLinks.Clear();
        freeChains.Clear();
        linkHeight = chainHeight = 0;
    }

    private int ChainOf(ulong key)
    {
        if (key != 0 && chainOfKey.TryGetValue(key, out var known))
            return known;
        var chain = freeChains.TryPop(out var free) ? free : Grow(ref chains, ref chainHeight);
        chains[chain] = new Chain { Key = key, First = -1, Last = -1 };
        if (key != 0)
            chainOfKey.Add(key, chain);
        return chain;
    }

    private void Free(int chain)
    {
        if (chains[chain].Key != 0)
            chainOfKey.Remove(chains[chain].Key);
        freeChains.Push(chain);
    }

    private static int Grow<T>(ref T[] rows, ref int height)
    {
        if (height == rows.Length)
            Array.Resize(ref rows, rows.Length * 2);
        return height++;
    }

    private struct Link
    {
        public long Offset;
        public int Chain;
        public int Before;
        public int Behind;
        public bool Leased;
    }

    private struct Chain
    {
        public ulong Key;
        public int First;
        public int Last;

        /// <summary>Messages of the key under a lease: 0 or 1, unless the way keys are hashed changed under a group.</summary>
        public int Leased;
    }
}

namespace OrleansMq.Core.Cursors;

/// <summary>Contiguous offsets that are leased together and have the same delivery number, counted from 1.</summary>
public readonly record struct GrantRange(long From, int Count, int Delivery)
{
    /// <summary>The first offset behind the range.</summary>
    public long End => From + Count;
}

/// <summary>Contiguous offsets.</summary>
public readonly record struct OffsetRange(long From, int Count)
{
    public long End => From + Count;
}

/// <summary>How a lease stands.</summary>
public enum LeaseState
{
    Held = 0,

    /// <summary>The message is free again or somebody else's: <see cref="ErrorCodes.LeaseLapsed"/>.</summary>
    Lapsed = 1,

    /// <summary>Never granted, settled already, or gone: <see cref="ErrorCodes.LeaseUnknown"/>.</summary>
    Unknown = 2,
}

namespace OrleansMq;

/// <summary>
/// What becomes of a key's state together with the acknowledgement of one of its messages, in a group by key: both are one record of the partition's log, so that a state holds what was
/// acknowledged, each message once.
/// </summary>
/// <param name="Lease">One of <see cref="Settlement.Leases"/>.</param>
/// <param name="State">At most <see cref="MaxStateBytes"/>; empty clears it.</param>
/// <param name="Version">The <see cref="Delivery.SessionVersion"/> that the state was made from: if it is another by now, the message is not acknowledged (<see cref="ErrorCodes.SessionMoved"/>). Null: whatever it is.</param>
public sealed record SessionChange(LeaseId Lease, ReadOnlyMemory<byte> State, long? Version = null)
{
    /// <summary>64 KiB, of one key. Larger things have their place in a database, and their name here.</summary>
    public const int MaxStateBytes = 64 << 10;

    /// <summary>4 MiB, of all states in one settlement.</summary>
    public const int MaxBytesAtOnce = 4 << 20;
}

/// <summary>Asks for the state that a group by key keeps of a key, and may set it, without a message.</summary>
public sealed record SessionRequest(ReadOnlyMemory<byte> Key)
{
    /// <summary>Null: it is only looked at. Empty clears it, also in the partitions that had the key before the topic grew.</summary>
    public ReadOnlyMemory<byte>? Set { get; init; }

    /// <summary>With <see cref="Set"/>: only where the state is of this version, else <see cref="ErrorCodes.SessionMoved"/>. Null: whatever it is.</summary>
    public long? Version { get; init; }
}

/// <summary>A key's state.</summary>
/// <param name="Partition">Where it stands.</param>
/// <param name="Version">0: nothing was ever set, or it was cleared.</param>
public sealed record SessionState(int Partition, long Version, ReadOnlyMemory<byte> State);

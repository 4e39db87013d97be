namespace OrleansMq;

/// <summary>Asks for leases.</summary>
public sealed record ReceiveRequest
{
    /// <summary>1 to 10,000.</summary>
    public int Max { get; init; } = 1;

    /// <summary>How long to wait while there is nothing.</summary>
    public TimeSpan Wait { get; init; }

    /// <summary>Null: the group's.</summary>
    public TimeSpan? Lease { get; init; }

    /// <summary>Who receives, for one-active groups, key order and the list of members.</summary>
    public string Consumer { get; init; } = "";

    /// <summary>The same id again within the lease gives the same messages again: a lost reply costs nothing.</summary>
    public string? RequestId { get; init; }

    /// <summary>
    /// Not what is next but these, which the group set aside (<see cref="SettlementKind.Defer"/>), by their positions; at most 10,000. <see cref="Max"/> and <see cref="Wait"/> do not count then. One that is not set
    /// aside, because it is settled or somebody has it, is left out.
    /// </summary>
    public IReadOnlyList<Position> Deferred { get; init; } = [];

    /// <summary>
    /// Only of this very group (<see cref="GroupDescription.Id"/>): where it was deleted the answer is <see cref="ErrorCodes.GroupUnknown"/>, and none is made by this use. Null: of whichever has the name.
    /// </summary>
    public Guid? GroupId { get; init; }
}

/// <summary>What to do with leases.</summary>
public enum SettlementKind
{
    Acknowledge = 0,

    /// <summary>Deliver it again, after <see cref="Settlement.Delay"/> or the group's back-off.</summary>
    Refuse = 1,

    Extend = 2,

    DeadLetter = 3,

    /// <summary>Set it aside: it is not delivered again before it is asked for by <see cref="ReceiveRequest.Deferred"/>. It does not hold back later messages of its key.</summary>
    Defer = 4,
}

/// <summary>One decision over some leases.</summary>
public sealed record Settlement
{
    public required SettlementKind Kind { get; init; }
    public IReadOnlyList<LeaseId> Leases { get; init; } = [];

    /// <summary>Acknowledge only: everything of a partition up to and with this offset that was delivered.</summary>
    public IReadOnlyList<Position> UpTo { get; init; } = [];

    /// <summary>Refuse only. Null: the group's back-off.</summary>
    public TimeSpan? Delay { get; init; }

    /// <summary>Extend only: from now. Null: the group's.</summary>
    public TimeSpan? Lease { get; init; }

    /// <summary>Dead-letter only. At most 1,024 characters.</summary>
    public string? Reason { get; init; }

    /// <summary>Acknowledge only, in groups by key: the states that the keys of some of these leases have from now on.</summary>
    public IReadOnlyList<SessionChange> Sessions { get; init; } = [];

    /// <summary>Acknowledges a message and sets the state of its key, if that is still the one it was delivered with.</summary>
    public static Settlement Acknowledge(Delivery delivery, ReadOnlyMemory<byte> state) =>
        Acknowledge(delivery.Lease) with { Sessions = [new SessionChange(delivery.Lease, state, delivery.SessionVersion)] };

    /// <summary>The same decision for some of the leases alone.</summary>
    public Settlement For(IReadOnlyList<LeaseId> some)
    {
        if (Sessions.Count == 0)
            return this with { Leases = some, UpTo = [] };
        var leases = some.ToHashSet();
        return this with { Leases = some, UpTo = [], Sessions = [.. Sessions.Where(session => leases.Contains(session.Lease))] };
    }

    public static Settlement Acknowledge(params IReadOnlyList<LeaseId> leases) => new() { Kind = SettlementKind.Acknowledge, Leases = leases };
    public static Settlement AcknowledgeUpTo(params IReadOnlyList<Position> positions) => new() { Kind = SettlementKind.Acknowledge, UpTo = positions };
    public static Settlement Refuse(IReadOnlyList<LeaseId> leases, TimeSpan? delay = null) => new() { Kind = SettlementKind.Refuse, Leases = leases, Delay = delay };
    public static Settlement Extend(IReadOnlyList<LeaseId> leases, TimeSpan? lease = null) => new() { Kind = SettlementKind.Extend, Leases = leases, Lease = lease };
    public static Settlement DeadLetter(IReadOnlyList<LeaseId> leases, string reason) => new() { Kind = SettlementKind.DeadLetter, Leases = leases, Reason = reason };
    public static Settlement Defer(params IReadOnlyList<LeaseId> leases) => new() { Kind = SettlementKind.Defer, Leases = leases };
}

/// <summary>What became of one lease.</summary>
/// <param name="Code">Null: done. Else <see cref="ErrorCodes.LeaseLapsed"/> (it is somebody else's or free again) or <see cref="ErrorCodes.LeaseUnknown"/> (never granted, or settled already); where a state
/// goes with it also <see cref="ErrorCodes.SessionMoved"/>, <see cref="ErrorCodes.SessionsFull"/>, <see cref="ErrorCodes.KeyMissing"/>: it is still under its lease then.</param>
public readonly record struct SettleResult(LeaseId Lease, string? Code)
{
    public bool Ok => Code is null;
}

/// <summary>A member's share of a log-style group.</summary>
public sealed record Assignment(int Generation, IReadOnlyList<int> Partitions);

/// <summary>Positions up to which a log-style group has read: each offset is the next to be read.</summary>
public sealed record CommitRequest(IReadOnlyList<Position> Positions, string? Member = null, int Generation = 0);

/// <summary>Either <see cref="To"/> for all partitions, or single positions.</summary>
public sealed record SeekRequest(StartAt? To, IReadOnlyList<Position> Positions)
{
    public static SeekRequest Everywhere(StartAt to) => new(to, []);
    public static SeekRequest At(params IReadOnlyList<Position> positions) => new(null, positions);
}

/// <summary>Dead letters by their position in the dead-letter topic, or all.</summary>
public sealed record DeadLetterSelection(IReadOnlyList<Position> Positions, bool Everything)
{
    public static DeadLetterSelection All { get; } = new([], true);
    public static DeadLetterSelection Of(params IReadOnlyList<Position> positions) => new(positions, false);
}

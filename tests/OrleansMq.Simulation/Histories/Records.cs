using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Histories;

/// <summary>A partition of a topic.</summary>
public readonly record struct Place(string Topic, int Partition)
{
    public override string ToString() => $"{Topic}/{Partition}";
}

/// <summary>A group on one partition.</summary>
public readonly record struct GroupPlace(string Topic, string Group, int Partition)
{
    public Place Place => new(Topic, Partition);

    public override string ToString() => $"{Topic}/{Partition} {Group}";
}

/// <summary>A message as its sender knows it.</summary>
public sealed class Sent
{
    public required string Uid { get; init; }
    public required string Topic { get; init; }
    public string? Key { get; init; }
    public string? Token { get; init; }

    /// <summary>To be delivered so long after it is stored.</summary>
    public TimeSpan? After { get; init; }

    public int? Priority { get; init; }

    /// <summary>A half message: whether its producer's own transaction was committed. Null: an ordinary message.</summary>
    public bool? Commits { get; init; }

    /// <summary>The idempotent session that it was sent in, with its place there.</summary>
    public string? Session { get; init; }
    public int Index { get; init; }

    /// <summary>Who sent it where a sender's messages of a key have an order over partitions, and its number there.</summary>
    public string? Line { get; init; }
    public int Number { get; init; }
    public List<Attempt> Attempts { get; } = [];
}

/// <summary>One try to store a message.</summary>
public sealed class Attempt
{
    public required Call Call { get; init; }

    /// <summary>Whether the acknowledgement means durable.</summary>
    public bool Durable { get; init; }
    public int Partition { get; set; }

    /// <summary>-1 while unknown.</summary>
    public long Offset { get; set; } = -1;
    public bool Duplicate { get; set; }

    /// <summary>Of this message alone; a call may store some and refuse others.</summary>
    public Outcome Outcome { get; set; }
    public string? Code { get; set; }
}

/// <summary>A message seen at a place: read, delivered, or acknowledged there.</summary>
public readonly record struct Seen(Place Place, long Offset, string Uid, string? Key, string? Token, string How, long At);

/// <summary>A lease as the broker gave it.</summary>
public sealed class Given
{
    public required Call Call { get; init; }
    public required GroupPlace At { get; init; }
    public required LeaseId Lease { get; init; }
    public required long Origin { get; init; }
    public required string Uid { get; init; }
    public string? Key { get; init; }
    public required string Consumer { get; init; }

    /// <summary>It was asked for by its position.</summary>
    public required bool IsFetched { get; init; }

    /// <summary>The state of its key that came with it: the places of what was folded into it.</summary>
    public string State { get; init; } = "";
    public long Version { get; init; }

    /// <summary>The state with this one in it.</summary>
    public string Folded => $"{State}{At.Partition}:{Origin} ";

    /// <summary>Its place in the answer.</summary>
    public required int Rank { get; init; }

    /// <summary>Whether the answer was to the first try of its request.</summary>
    public required bool FirstTry { get; init; }

    /// <summary>By the partition's own clock, as is <see cref="UntilMs"/>.</summary>
    public required long GrantedMs { get; init; }
    public required long UntilMs { get; init; }

    /// <summary>World time at which it was answered.</summary>
    public required TimeSpan AnsweredAt { get; init; }
    public List<Settled> Settled { get; } = [];
    public int Number => Lease.Delivery;
}

/// <summary>What a consumer did with a lease.</summary>
public sealed class Settled
{
    public required Call Call { get; init; }
    public required SettlementKind Kind { get; init; }
    public TimeSpan Extension { get; init; }
    public TimeSpan InvokedAt { get; init; }

    /// <summary>The state of its key was to be set with it.</summary>
    public bool Folds { get; init; }

    /// <summary>Of this lease alone.</summary>
    public Outcome Outcome { get; set; }
    public string? Code { get; set; }
    public bool May => Outcome != Outcome.Failed && Call.May;
    public bool IsOk => Outcome == Outcome.Ok;

    /// <summary>Later messages of its key need not wait for it any more.</summary>
    public bool LetsItsKeyGoOn => Kind is SettlementKind.Acknowledge or SettlementKind.DeadLetter or SettlementKind.Defer;
}

/// <summary>What was set aside was asked for; without offsets, everything.</summary>
public sealed record Fetched(Call Call, string Topic, string Group, IReadOnlyList<Position>? Positions)
{
    public bool Names(GroupPlace at, long origin) => at.Topic == Topic && at.Group == Group && (Positions?.Contains(new Position(at.Partition, origin)) ?? true);
}

/// <summary>An acknowledgement of everything up to an offset.</summary>
public sealed record SettledUpTo(Call Call, GroupPlace At, long Offset);

/// <summary>A group's cursor was set, or seen.</summary>
public sealed record CursorSet(Call Call, GroupPlace At, long Offset, bool Sought);

public sealed record CursorSeen(Call Call, GroupPlace At, long Offset);

/// <summary>A dead letter seen in its lane.</summary>
public sealed record Letter(Call Call, GroupPlace At, long Offset, string Uid, long Origin, string Reason, int Deliveries);

/// <summary>A dead letter redriven or discarded.</summary>
public sealed record LetterMoved(Call Call, GroupPlace At, long Offset, bool Redriven);

/// <summary>A process opened a partition's log, and so took it from whoever had it.</summary>
public sealed record LogOpening(SimProcess Process, Place Place, long At);

/// <summary>Start and end of a partition as somebody was told.</summary>
public sealed record Bounds(Call Call, Place Place, long Start, long End);

/// <summary>What a member was assigned.</summary>
public sealed record Assigned(Call Call, string Topic, string Group, string Member, int Generation, IReadOnlyList<int> Partitions);

/// <summary>A promise that was broken.</summary>
public sealed record Violation(string Checker, string Detail)
{
    public override string ToString() => $"[{Checker}] {Detail}";
}

namespace OrleansMq;

/// <summary>Who shares out a group's partitions.</summary>
public enum GroupKind
{
    /// <summary>One of its members (<see cref="IGroupCoordinator.Join"/>).</summary>
    Classic = 0,

    /// <summary>The broker (<see cref="IGroupCoordinator.Beat"/>): Kafka's consumer protocol.</summary>
    Consumer = 1,
}

/// <summary>What a member says of itself when it comes, now and then while it stays, and when it goes. What is null did not change, also where it comes again while it is in.</summary>
public sealed record MemberBeat
{
    /// <summary>The epoch of one that goes for good.</summary>
    public const int Leaves = -1;

    /// <summary>The epoch of a static member that goes and will be back before its session ends.</summary>
    public const int ComesBack = -2;

    /// <summary>Drawn by the member; the same for as long as it lives.</summary>
    public required string Member { get; init; }

    /// <summary>0: it comes, and reads nothing yet. Else the epoch that it was told last, <see cref="Leaves"/> or <see cref="ComesBack"/>.</summary>
    public required int Epoch { get; init; }

    /// <summary>The name of a static member: one that comes again under it, after <see cref="ComesBack"/>, goes on with the same partitions.</summary>
    public string? Instance { get; init; }

    public string? Rack { get; init; }
    public string Client { get; init; } = "";
    public string Host { get; init; } = "";

    /// <summary>A member that is silent for so long is out.</summary>
    public required TimeSpan Session { get; init; }

    /// <summary>How long it may take to give up partitions that another shall have; then it is out.</summary>
    public TimeSpan? Rebalance { get; init; }

    /// <summary>Topics by name; they need not be there yet.</summary>
    public IReadOnlyList<TopicName>? Topics { get; init; }

    /// <summary>The pattern by which it wants further topics, kept to be shown. Empty: none any more.</summary>
    public string? Pattern { get; init; }

    /// <summary>The topics that the pattern matches now, as the caller sees them.</summary>
    public IReadOnlyList<TopicName>? Matched { get; init; }

    /// <summary>How it wants partitions to be shared out; the group does what most want.</summary>
    public string? Assignor { get; init; }

    /// <summary>What it reads at present. Partitions that were taken from it are another's only when they are not among these any more.</summary>
    public IReadOnlyList<OwnedTopic>? Owned { get; init; }

    /// <summary>The same call was made before, and nobody heard what came of it.</summary>
    public bool Repeated { get; init; }
}

/// <summary>Partitions of a topic that a member reads.</summary>
/// <param name="Topic"><see cref="TopicDescription.Id"/>.</param>
public sealed record OwnedTopic(Guid Topic, IReadOnlyList<int> Partitions);

/// <summary>Partitions of a topic that are a member's.</summary>
/// <param name="Id"><see cref="TopicDescription.Id"/>.</param>
public sealed record AssignedTopic(Guid Id, TopicName Topic, IReadOnlyList<int> Partitions);

/// <summary>Where a member stands.</summary>
/// <param name="Epoch">To be brought with the next beat, and with what it commits.</param>
/// <param name="Assigned">What it shall read, and nothing else. Null: as it was told before.</param>
public sealed record MemberStanding(string Member, int Epoch, IReadOnlyList<AssignedTopic>? Assigned)
{
    /// <summary>The pattern that it has, so that who lost it (another connection, another gateway) can bring what it matches. Empty: none. Null: not said.</summary>
    public string? Pattern { get; init; }
}

/// <summary>A group to which the broker assigns.</summary>
/// <param name="Epoch">Rises with every change of members, of what they want and of the topics' partitions.</param>
/// <param name="Assignor">How partitions were shared out in this epoch.</param>
public sealed record AssignedGroup(GroupName Name, GroupPhase Phase, int Epoch, string Assignor, IReadOnlyList<AssignedMember> Members);

/// <summary>One of its members.</summary>
public sealed record AssignedMember
{
    public required string Member { get; init; }
    public string? Instance { get; init; }
    public string? Rack { get; init; }

    /// <summary>Behind the group's while it gives up or waits; <see cref="MemberBeat.ComesBack"/> while it is away.</summary>
    public required int Epoch { get; init; }

    public string Client { get; init; } = "";
    public string Host { get; init; } = "";
    public IReadOnlyList<TopicName> Topics { get; init; } = [];
    public string Pattern { get; init; } = "";

    /// <summary>What it was told to read.</summary>
    public IReadOnlyList<AssignedTopic> Assigned { get; init; } = [];

    /// <summary>What it shall have when all gave up what is not theirs.</summary>
    public IReadOnlyList<AssignedTopic> Target { get; init; } = [];
}

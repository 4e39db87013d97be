namespace OrleansMq;

/// <summary>How a <see cref="BroadcastConsumer"/> joins a topic.</summary>
public sealed record BroadcastOptions
{
    /// <summary>Characters of <see cref="Prefix"/> at most.</summary>
    public const int MaxPrefix = 64;

    /// <summary>The name of its group: this instance's alone, so that it goes on where it was when it comes back in time. Null: one by chance that nobody can guess.</summary>
    public GroupName? Group { get; init; }

    /// <summary>Begins a name by chance: rights to groups go by their names.</summary>
    public string Prefix { get; init; } = "broadcast";

    /// <summary>Where a new group begins.</summary>
    public StartAt From { get; init; } = StartAt.Latest;

    /// <summary>The broker deletes the group when nobody has received from it for so long. 1 s to 7 days; 5 minutes, as the shortest of Azure Service Bus.</summary>
    public TimeSpan DeleteAfterIdle { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How it receives.</summary>
    public QueueConsumerOptions Consumer { get; init; } = new();

    /// <summary>Told when messages may have been missed: whoever keeps a copy of something reads it anew. May be called from any thread; must not throw.</summary>
    public Action<BroadcastGap>? OnGap { get; init; }

    /// <summary>How often it is looked whether retention overtook the group.</summary>
    public TimeSpan CheckEvery { get; init; } = TimeSpan.FromMinutes(1);

    internal GroupName NameOfGroup() => Group ?? EphemeralName.Of(Prefix);

    /// <exception cref="ArgumentException">An option is out of its range, and is named.</exception>
    internal void Check()
    {
        Consumer.Check();
        ArgumentOutOfRangeException.ThrowIfLessThan(CheckEvery, TimeSpan.FromMilliseconds(1), nameof(CheckEvery));
        ArgumentOutOfRangeException.ThrowIfLessThan(DeleteAfterIdle, TimeSpan.FromMilliseconds(1), nameof(DeleteAfterIdle));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Prefix.Length, MaxPrefix, nameof(Prefix));
    }
}

/// <summary>Why messages may have been missed.</summary>
public enum BroadcastGapReason
{
    /// <summary>The group was deleted, because nobody received from it for its time or by somebody's word; it was made again, and begins at the end.</summary>
    GroupDeleted = 0,

    /// <summary>The topic's retention or its limits removed messages before the consumer received them.</summary>
    MessagesRemoved = 1,
}

/// <summary>Messages may have been missed.</summary>
/// <param name="At">When the consumer found out.</param>
/// <param name="Removed">How many, where it is known (<see cref="BroadcastGapReason.MessagesRemoved"/>).</param>
public readonly record struct BroadcastGap(BroadcastGapReason Reason, GroupName Group, DateTimeOffset At, long? Removed);

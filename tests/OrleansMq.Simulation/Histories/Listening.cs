namespace OrleansMq.Simulation.Histories;

/// <summary>One life of an ephemeral group, as the one who made it knows it.</summary>
public sealed class Listening
{
    public required string Group { get; init; }
    public required Guid Id { get; init; }
    public required TimeSpan Idle { get; init; }

    /// <summary>When it was first asked for, and when it was there.</summary>
    public required long Asked { get; init; }
    public required long Joined { get; init; }

    /// <summary>World time at which the broker last answered one who used it.</summary>
    public TimeSpan UsedAt { get; set; }

    /// <summary>World time at which it was found to be gone, though nobody deleted it.</summary>
    public TimeSpan? GoneAt { get; set; }

    /// <summary>All that was stored before it had been delivered: nothing was left when this was asked.</summary>
    public long? DrainedAt { get; set; }

    /// <summary>Where each message stood.</summary>
    public Dictionary<string, Position> Got { get; } = [];
}

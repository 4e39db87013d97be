namespace OrleansMq;

/// <summary>
/// How a half message is checked back: it is stored and acknowledged, but delivered only when its producer commits it. While it is undecided any live producer
/// of its group is asked; after the last check it is put aside, never dropped.
/// </summary>
/// <param name="Group">The group of producers that can decide it. 1 to 249 of <c>A-Z a-z 0-9 . _ -</c>.</param>
public sealed record HalfTerms(string Group)
{
    /// <summary>When it is first checked back.</summary>
    public TimeSpan CheckAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two checks, and between the last one and its being put aside.</summary>
    public TimeSpan CheckEvery { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>1 to 1,000. RocketMQ's default is 15 as well.</summary>
    public int MaxChecks { get; init; } = 15;
}

/// <summary>Where a half message stands. It only moves forward: from undecided to one of the others, and by hand from timed out to committed or rolled back.</summary>
public enum HalfState
{
    Undecided = 0,

    Committed = 1,

    RolledBack = 2,

    /// <summary>Nobody decided it in time. It is kept until somebody decides it by hand (<c>force</c>).</summary>
    TimedOut = 3,
}

/// <summary>A half message that waits for its decision, or that timed out.</summary>
/// <param name="Id">To be given to <see cref="IBroker.EndHalf"/>.</param>
/// <param name="Checks">How often it was to be checked back so far.</param>
/// <param name="Message">Its position is none: offset -1.</param>
public sealed record HalfMessage(string Id, string Group, HalfState State, DateTimeOffset BornAt, int Checks, StoredMessage Message);

/// <summary>What a decision came to.</summary>
/// <param name="State"><see cref="HalfState.Committed"/> or <see cref="HalfState.RolledBack"/>.</param>
/// <param name="Position">Of the committed message.</param>
/// <param name="Duplicate">It had been decided so before.</param>
public sealed record HalfResult(HalfState State, Position? Position, bool Duplicate);

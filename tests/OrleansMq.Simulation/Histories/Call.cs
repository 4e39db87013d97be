using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Histories;

/// <summary>How a call ended, as far as the broker's own answer says; a reply that was lost on the way does not make it unknown.</summary>
public enum Outcome
{
    /// <summary>No answer was given, or the answer was that nobody knows.</summary>
    Unknown = 0,

    Ok = 1,

    /// <summary>Refused: nothing has changed.</summary>
    Failed = 2,
}

/// <summary>One call as the history has it. Numbers are places in the order of all events.</summary>
public sealed class Call(string what, long invoked)
{
    public string What => what;

    public long Invoked => invoked;

    /// <summary>When the broker answered; the largest number while it has not.</summary>
    public long Answered { get; set; } = long.MaxValue;

    public Outcome Outcome { get; set; }

    public string? Code { get; set; }

    /// <summary>Null: it never arrived.</summary>
    public SimProcess? Process { get; set; }

    /// <summary>After this it has no effect that it did not have before.</summary>
    public long Over => Answered != long.MaxValue && Outcome != Outcome.Unknown ? Answered : Process?.DiedAt ?? invoked;

    /// <summary>It may have happened.</summary>
    public bool May => Outcome != Outcome.Failed && Process is not null;

    public bool IsOk => Outcome == Outcome.Ok;
}

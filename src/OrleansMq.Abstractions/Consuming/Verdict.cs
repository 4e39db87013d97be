namespace OrleansMq;

/// <summary>What shall become of a delivery.</summary>
internal readonly record struct Verdict(SettlementKind Kind, TimeSpan? Delay = null, string? Reason = null)
{
    public static Verdict Acknowledge => new(SettlementKind.Acknowledge);

    /// <summary>Acknowledge only: the state of its key from now on.</summary>
    public SessionChange? Session { get; init; }

    /// <summary>Not begun: whoever is next may have it at once.</summary>
    public static Verdict Return => new(SettlementKind.Refuse, TimeSpan.Zero);

    public static Verdict Refuse(TimeSpan? delay) => new(SettlementKind.Refuse, delay);

    public static Verdict Defer => new(SettlementKind.Defer);

    public static Verdict DeadLetter(string reason) => new(SettlementKind.DeadLetter, Reason: reason);

    /// <summary>What a handler's exception says.</summary>
    /// <param name="unexpected">Whether it says nothing, so that somebody should hear of it.</param>
    public static Verdict Of(Exception thrown, CancellationToken stopping, out bool unexpected)
    {
        unexpected = false;
        switch (thrown)
        {
            case DeadLetterException dead:
                return DeadLetter(dead.Reason);
            case RefuseException refused:
                return Refuse(refused.Delay);
            case DeferException:
                return Defer;
            case OperationCanceledException when stopping.IsCancellationRequested:
                return Return;
            default:
                unexpected = true;
                return Refuse(null);
        }
    }
}

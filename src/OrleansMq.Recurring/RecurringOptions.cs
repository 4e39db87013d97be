namespace OrleansMq;

/// <summary>How a <see cref="RecurringProducer"/> works.</summary>
public sealed record RecurringOptions
{
    /// <summary>Whose clock the expression is read by. A time that its change to summer leaves out comes when the clocks have moved; one that comes twice comes once where the expression names an hour.</summary>
    public TimeZoneInfo Zone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>How far ahead messages are scheduled at the broker: for so long nobody need be there. 1 day; up to 365.</summary>
    public TimeSpan Ahead { get; init; } = TimeSpan.FromDays(1);

    /// <summary>So many are scheduled, also where that is further than <see cref="Ahead"/>.</summary>
    public int AtLeast { get; init; } = 2;

    /// <summary>No more than so many, also where that is less far.</summary>
    public int AtMost { get; init; } = 1_000;

    /// <summary>How often it looks. Between two looks the messages that are scheduled suffice where <see cref="Ahead"/> and <see cref="AtMost"/> allow.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Occurrences closer than this are nobody's to schedule any more: they were, or there was nobody. So the clocks of producers may differ by so much. 10 s.
    /// </summary>
    public TimeSpan Guard { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Told when a message could not be made or scheduled; it is tried again. Must not throw: that ends the series, and its disposal tells.</summary>
    public Action<Exception> OnFailure { get; init; } = static _ => { };

    /// <exception cref="ArgumentException">Says which, and its range.</exception>
    public void Validate()
    {
        if (Ahead <= Guard || Ahead > TimeSpan.FromDays(365))
            throw new ArgumentException($"{nameof(Ahead)} is more than {nameof(Guard)} and at most 365 days; {Ahead} was given.");
        if (AtLeast < 1 || AtMost < AtLeast || AtMost > 100_000)
            throw new ArgumentException($"{nameof(AtLeast)} is 1 to {nameof(AtMost)}, and that up to 100,000; {AtLeast} and {AtMost} were given.");
        if (LookEvery <= TimeSpan.Zero || Guard < TimeSpan.Zero)
            throw new ArgumentException($"{nameof(LookEvery)} is positive, {nameof(Guard)} not negative; {LookEvery} and {Guard} were given.");
    }
}

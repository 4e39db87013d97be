namespace OrleansMq;

/// <summary>When what a group has not settled is looked for, whether it is delivered again, and where it is told.</summary>
public sealed record ReconcileSchedule
{
    /// <summary>The least between two runs, also of a cron expression.</summary>
    public static readonly TimeSpan LeastDistance = TimeSpan.FromMinutes(1);

    public static readonly TimeSpan MaxDistance = TimeSpan.FromDays(365);
    public static readonly TimeSpan MaxOlderThan = TimeSpan.FromDays(365);
    public const int MostRedrives = 1_000;
    public const int MaxTextChars = 256;

    public required TopicName Topic { get; init; }

    public required GroupName Group { get; init; }

    /// <summary>Five fields, or <c>@daily</c> and its like. This or <see cref="Every"/>.</summary>
    public string? Cron { get; init; }

    /// <summary>Whose clock <see cref="Cron"/> is read by, such as <c>Europe/Berlin</c>. Null: UTC.</summary>
    public string? Zone { get; init; }

    /// <summary>The distance of two runs, counted from 1970. A minute to 365 days.</summary>
    public TimeSpan? Every { get; init; }

    /// <summary>Only what was appended at least so long ago.</summary>
    public TimeSpan OlderThan { get; init; }

    /// <summary>What is delivered again, as <see cref="RedeliverRequest.Causes"/>. None: it is told alone.</summary>
    public IReadOnlyList<UnsettledCause> Redeliver { get; init; } = [];

    /// <summary>A dead letter that has been redriven so often stays one. 3; up to 1,000.</summary>
    public int MaxRedrives { get; init; } = 3;

    /// <summary>The topic of the reports, which must be there and is none of the broker's own. Null: <see cref="ReconcileSchedules.Reports"/>.</summary>
    public TopicName? ReportTo { get; init; }

    public override string ToString() => $"reconciliation of {Topic}/{Group}";

    public bool Equals(ReconcileSchedule? other) => other is not null
        && (Topic, Group, Cron, Zone, Every, OlderThan, MaxRedrives, ReportTo) == (other.Topic, other.Group, other.Cron, other.Zone, other.Every, other.OlderThan, other.MaxRedrives, other.ReportTo)
        && Redeliver.SequenceEqual(other.Redeliver);

    public override int GetHashCode() => HashCode.Combine(Topic, Group, Cron, Every, OlderThan);

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: something of it can't be, and is named.</exception>
    public RecurringTimes Times(DateTimeOffset now)
    {
        if (Cron is null == Every is null)
            throw Malformed("has either a cron expression or a distance");
        if (Zone is not null && Cron is null)
            throw Malformed("has a zone, which is a cron expression's");
        if (Every is { } every && (every < LeastDistance || every > MaxDistance))
            throw Malformed($"runs at a distance of {LeastDistance.TotalMinutes:0} minute to {MaxDistance.TotalDays:0} days; {every} was given");
        if (OlderThan < TimeSpan.Zero || OlderThan > MaxOlderThan)
            throw Malformed($"looks at what is 0 to {MaxOlderThan.TotalDays:0} days old; {OlderThan} was given");
        if (MaxRedrives is < 1 or > MostRedrives)
            throw Malformed($"redrives a dead letter 1 to {MostRedrives} times; {MaxRedrives} was given");
        foreach (var topic in (TopicName?[])[Topic, ReportTo])
            if (topic is { } named && !ScheduleTopics.MayBeNamed(named))
                throw Malformed($"names '{named}', which is the broker's own");
        if (Redeliver.Any(cause => cause is UnsettledCause.NeverDelivered or UnsettledCause.Uncommitted))
            throw Malformed("delivers again what is dead, returned, leased or deferred; what was never delivered is in line anyway, and a group of log style seeks");
        var times = Cron is { } cron ? TimesOf(cron) : RecurringTimes.Every(Every!.Value);
        var some = times.After(now).Take(20).ToList();
        if (some.Count == 0)
            throw Malformed($"never runs by '{Cron}'");
        if (some.Zip(some.Skip(1)).Any(two => two.Second - two.First < LeastDistance))
            throw Malformed($"runs by '{Cron}' more than once a minute");
        return times;
    }

    private RecurringTimes TimesOf(string cron)
    {
        try
        {
            return RecurringTimes.Cron(cron, Zone is null ? null : TimeZoneInfo.FindSystemTimeZoneById(Zone));
        }
        catch (ArgumentException e)
        {
            throw Malformed($"can't be: {e.Message.Split(" (Parameter")[0].TrimEnd('.')}");
        }
        catch (Exception e) when (e is TimeZoneNotFoundException or InvalidTimeZoneException or System.Security.SecurityException)
        {
            throw Malformed($"has a zone '{Zone}' that is unknown here");
        }
    }

    private MqException Malformed(string why) => new(ErrorCodes.Malformed, $"A {this} {why}.");
}

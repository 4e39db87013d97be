namespace OrleansMq;

/// <summary>Topics of the broker's own that hold schedules of reconciliations.</summary>
public static class ScheduleTopics
{
    /// <summary>Each message a schedule under the key <c>topic/group</c>, or a tombstone. Operators have one, and each tenant among its own topics.</summary>
    public static readonly TopicName Schedules = new("_orleansmq.schedules");

    /// <summary>The operators' alone: each message's key is a tenant that has schedules, so that whoever goes by them need not look through all tenants.</summary>
    public static readonly TopicName Tenants = new("_orleansmq.schedules.tenants");

    /// <summary>Each message a report, where a schedule names no other topic.</summary>
    public static readonly TopicName Reports = new("_orleansmq.reports");

    /// <summary>Each message a run that is due, or waits for its time.</summary>
    public static readonly TopicName Due = new("_orleansmq.due");

    /// <summary>What a topic of schedules keeps: behind so many bytes of changes the oldest go, whether or not they count still.</summary>
    public const long KeepBytes = 64L << 20;

    /// <summary>How such a topic is made: what stands there counts as long as it is the last of its key.</summary>
    public static TopicChange Settings { get; } = new() { Retention = TimeSpan.FromDays(3_660), RetentionBytes = (long?)KeepBytes, KeepUnsettled = false };

    private const string ReservedPrefix = "_orleansmq.";

    /// <summary>Whether a schedule may be of the topic, or report to it: of the broker's own only <see cref="Reports"/>.</summary>
    public static bool MayBeNamed(TopicName topic) => topic == Reports || !topic.Text.StartsWith(ReservedPrefix, StringComparison.Ordinal);
}

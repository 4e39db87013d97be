namespace OrleansMq;

/// <summary>Topics of the broker's own that hold schedules of reconciliations.</summary>
public static class ScheduleTopics
{
    /// <summary>Each message a schedule under the key <c>topic/group</c>, or a tombstone. Operators have one, and each tenant among its own topics.</summary>
    public static readonly TopicName Schedules = new("_orleansmq.schedules");

    /// <summary>The operators' alone: each message's key is a tenant that has schedules, so that whoever goes by them need not look through all tenants.</summary>
    public static readonly TopicName Tenants = new("_orleansmq.schedules.tenants");

    /// <summary>How such a topic is made: what stands there counts as long as it is the last of its key.</summary>
    public static TopicChange Settings { get; } = new() { Retention = TimeSpan.FromDays(3_660), KeepUnsettled = false };
}

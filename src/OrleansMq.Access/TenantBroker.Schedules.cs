using System.Text;
using OrleansMq.Json;

namespace OrleansMq.Access;

/// <summary>
/// Schedules of reconciliations that a tenant's administrator sets: messages of a reserved topic among the tenant's own. Whoever goes by them sees this tenant's topics alone, so that nothing is reached by one
/// that its writer does not reach.
/// </summary>
internal sealed partial class TenantBroker
{
    /// <summary>The body of a schedule, which is a few hundred.</summary>
    private const int MaxScheduleBytes = 4 << 10;

    private async ValueTask<TopicDescription> PutSchedules(TopicChange change, CancellationToken cancel)
    {
        if (change != ScheduleTopics.Settings)
            throw new MqException(ErrorCodes.Forbidden, $"'{ScheduleTopics.Schedules}' is the broker's own: schedules can be sent to it, its settings are not to be chosen.");
        try
        {
            return await DescribeTopic(ScheduleTopics.Schedules, cancel);
        }
        catch (MqException none) when (none.Code == ErrorCodes.TopicUnknown)
        {
            // The first: known to whoever goes by schedules before there can be one.
            await _inner.PutTopic(ScheduleTopics.Tenants, ScheduleTopics.Settings, cancel);
            foreach (var result in await _inner.Publish(ScheduleTopics.Tenants, [Message.OfText("", _names.Tenant)], null, cancel))
                result.OrThrow();
            return await Shown(_inner.PutTopic(_names.In(ScheduleTopics.Schedules), change, cancel), ScheduleTopics.Schedules);
        }
    }

    /// <summary>Whoever goes by schedules keeps what stands there in memory, so nothing else does. Whether its times can be is for them to say, who know time zones.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: one of them is neither a schedule under its key nor a tombstone.</exception>
    private static void DemandSchedules(IReadOnlyList<Message> messages)
    {
        foreach (var message in messages)
            DemandSchedule(message);
    }

    private static void DemandSchedule(Message message)
    {
        if (message.Key is not { Length: > 0 and <= 2 * NameRule.MaxLength + 1 } key)
            throw NoSchedule("has no key 'topic/group'");
        var named = Encoding.UTF8.GetString(key.Span);
        if (message.Headers.Count > 0 || message.DeliverAt is not null || message.DeliverAfter is not null || message.Half is not null)
            throw NoSchedule("has headers or is delayed");
        if (message.Body.Length > MaxScheduleBytes)
            throw NoSchedule($"has {message.Body.Length} bytes, and {MaxScheduleBytes} are the most");
        if (message.Tombstone)
        {
            if (named.Split('/') is not [var topic, var group] || !NameRule.IsValid(topic) || !NameRule.IsValid(group))
                throw NoSchedule("is a tombstone, and its key is no 'topic/group'");
        }
        else if (JsonForm.ReadRequest(message.Body, KeyIn) != named)
            throw NoSchedule($"has the key '{named}', and is of '{JsonForm.ReadRequest(message.Body, KeyIn)}'");
    }

    private static string KeyIn(JsonSpot schedule)
    {
        TopicName? topic = null, reports = null;
        GroupName? group = null;
        foreach (var field in schedule.Fields())
        {
            switch (field.Name)
            {
                case "topic": topic = new TopicName(field.Text()); break;
                case "group": group = new GroupName(field.Text()); break;
                case "reportTo": reports = new TopicName(field.Text()); break;
                case "cron" or "zone" or "everyMs" or "olderThanMs" or "redeliver" or "maxRedrives": break;
                default: field.Unknown(); break;
            }
        }

        foreach (var named in (TopicName?[])[topic, reports])
            if (named is { } one && !ScheduleTopics.MayBeNamed(one))
                throw NoSchedule($"names '{one}', which is the broker's own");
        return $"{topic ?? throw schedule.Missing("topic")}/{group ?? throw schedule.Missing("group")}";
    }

    private static MqException NoSchedule(string why) =>
        new(ErrorCodes.Malformed, $"'{ScheduleTopics.Schedules}' takes schedules of reconciliations and tombstones alone, and a message {why}.");
}

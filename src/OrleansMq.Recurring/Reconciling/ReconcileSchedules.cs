namespace OrleansMq;

/// <summary>The schedules of a broker: messages of a topic of its own, of which the last of each group counts. A <see cref="ReconcileDesk"/> in each of the broker's processes goes by them.</summary>
/// <remarks>The topics' names are reserved: where rights are asked for, administrators alone write there; a tenant's write to the topic of their own, which is for the tenant's topics alone.</remarks>
public sealed class ReconcileSchedules(IBroker broker, TimeProvider? time = null)
{
    /// <summary>Each message a schedule under the key <c>topic/group</c>, or a tombstone.</summary>
    public static readonly TopicName Topic = ScheduleTopics.Schedules;

    /// <summary>Each message a report, where a schedule names no other topic.</summary>
    public static readonly TopicName Reports = ScheduleTopics.Reports;

    /// <summary>Each message a run that is due, or waits for its time.</summary>
    public static readonly TopicName Due = ScheduleTopics.Due;

    public const int MaxSchedules = 1_000;

    private readonly TimeProvider _time = time ?? TimeProvider.System;

    /// <summary>Sets the group's schedule; one that was there ends.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: it can't be; <see cref="ErrorCodes.TopicUnknown"/>, <see cref="ErrorCodes.GroupUnknown"/>: the group, or the topic of the
    /// reports, is not there; <see cref="ErrorCodes.Conflict"/>: a group of log style is not delivered to again, or there are too many.</exception>
    public async Task Put(ReconcileSchedule schedule, CancellationToken cancel = default)
    {
        schedule.Times(_time.GetUtcNow());
        var group = await broker.DescribeGroup(schedule.Topic, schedule.Group, cancel);
        if (group.Settings.Style == GroupStyle.Log && schedule.Redeliver.Count > 0)
            throw new MqException(ErrorCodes.Conflict, $"Group '{schedule.Group}' is of log style: nothing is delivered to it again, seek to read again.");
        if (schedule.ReportTo is { } reports)
            await broker.DescribeTopic(reports, cancel);
        var known = await List(cancel);
        if (known.Count >= MaxSchedules && known.All(each => (each.Schedule.Topic, each.Schedule.Group) != (schedule.Topic, schedule.Group)))
            throw new MqException(ErrorCodes.Conflict, $"There are {MaxSchedules} schedules, all there can be.");
        await broker.PutTopic(Topic, ScheduleTopics.Settings, cancel);
        await Send(new Message
        {
            Key = ScheduleTable.KeyOf(schedule.Topic, schedule.Group),
            Body = ReconcileScheduleJson.Utf8(writer => ReconcileScheduleJson.Write(writer, schedule)),
            ContentType = "application/json",
        }, cancel);
    }

    /// <returns>False: there was none.</returns>
    public async Task<bool> Remove(TopicName topic, GroupName group, CancellationToken cancel = default)
    {
        if ((await List(cancel)).All(each => (each.Schedule.Topic, each.Schedule.Group) != (topic, group)))
            return false;
        await Send(new Message { Key = ScheduleTable.KeyOf(topic, group), Tombstone = true }, cancel);
        return true;
    }

    /// <summary>By topic and group.</summary>
    public async Task<IReadOnlyList<StoredSchedule>> List(CancellationToken cancel = default)
    {
        var table = new ScheduleTable(broker);
        await table.Read(cancel);
        return [.. table.Schedules.OrderBy(each => each.Schedule.Topic.Text, StringComparer.Ordinal).ThenBy(each => each.Schedule.Group.Text, StringComparer.Ordinal)];
    }

    private async Task Send(Message message, CancellationToken cancel)
    {
        foreach (var result in await broker.Publish(Topic, [message], cancel: cancel))
            result.OrThrow();
    }
}

/// <summary>A schedule that counts.</summary>
/// <param name="Number">Its offset: another schedule of the group has another.</param>
public sealed record StoredSchedule(ReconcileSchedule Schedule, long Number, DateTimeOffset Since);

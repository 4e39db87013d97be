namespace OrleansMq.Access;

/// <summary>
/// Schedules of reconciliations that a tenant's administrator sets: messages of a reserved topic among the tenant's own. Whoever goes by them sees this tenant's topics alone, so that nothing is reached by one
/// that its writer does not reach.
/// </summary>
internal sealed partial class TenantBroker
{
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
}

namespace OrleansMq.Access;

/// <summary>Whose dead letters a name means.</summary>
internal static class DeadLetterOrigin
{
    /// <returns>Null: it is no name of dead letters, or nobody's.</returns>
    public static async ValueTask<(TopicName Topic, GroupName Group)?> Find(IBroker broker, TopicName name, CancellationToken cancel)
    {
        foreach (var (topic, group) in DeadLetterNames.Readings(name))
            if (await IsQueue(broker, topic, group, cancel))
                return (topic, group);
        return null;
    }

    private static async ValueTask<bool> IsQueue(IBroker broker, TopicName topic, GroupName group, CancellationToken cancel)
    {
        try
        {
            return (await broker.DescribeGroup(topic, group, cancel)).Settings.Style == GroupStyle.Queue;
        }
        catch (MqException e) when (e.Code is ErrorCodes.TopicUnknown or ErrorCodes.GroupUnknown)
        {
            return false;
        }
    }
}

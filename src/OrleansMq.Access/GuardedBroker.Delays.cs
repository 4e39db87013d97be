namespace OrleansMq.Access;

/// <summary>Messages that wait: for their time, or for their producer's decision.</summary>
public sealed partial class GuardedBroker
{
    // What is undecided no consumer may see.
    private const AccessOperations SeeingHalf = AccessOperations.Produce | AccessOperations.Browse;

    public async ValueTask<ScheduledMessage> DescribeScheduled(TopicName topic, string id, CancellationToken cancel = default)
    {
        Demand(Reading, ResourceKind.Topic, topic.Text);
        return await _inner.DescribeScheduled(topic, id, cancel);
    }

    /// <summary>As sending: whoever may send may take back.</summary>
    public async ValueTask CancelScheduled(TopicName topic, string id, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Produce, ResourceKind.Topic, topic.Text);
        await _inner.CancelScheduled(topic, id, cancel);
    }

    public async ValueTask<Page<ScheduledMessage>> ListScheduled(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default)
    {
        Demand(Reading, ResourceKind.Topic, topic.Text);
        return await _inner.ListScheduled(topic, after, max, cancel);
    }

    /// <summary>By hand it is more than sending.</summary>
    public async ValueTask<HalfResult> EndHalf(TopicName topic, string id, HalfState decision, bool force = false, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Produce, ResourceKind.Topic, topic.Text);
        if (force)
            Demand(AccessOperations.Alter, ResourceKind.Topic, topic.Text);
        var result = await _inner.EndHalf(topic, id, decision, force, cancel);
        if (force)
            Done("endHalf", $"topic {topic} {id}");
        return result;
    }

    public async ValueTask<HalfMessage> DescribeHalf(TopicName topic, string id, CancellationToken cancel = default)
    {
        Demand(SeeingHalf, ResourceKind.Topic, topic.Text);
        return await _inner.DescribeHalf(topic, id, cancel);
    }

    public async ValueTask<Page<HalfMessage>> ListHalf(TopicName topic, string? group = null, string? after = null, int max = 100, CancellationToken cancel = default)
    {
        Demand(SeeingHalf, ResourceKind.Topic, topic.Text);
        return await _inner.ListHalf(topic, group, after, max, cancel);
    }

    public async ValueTask<IReadOnlyList<HalfMessage>> CheckHalf(TopicName topic, string group, int max = 100, TimeSpan wait = default, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Produce, ResourceKind.Topic, topic.Text);
        return await _inner.CheckHalf(topic, group, max, wait, cancel);
    }
}

namespace OrleansMq.Access;

/// <summary>What is unsettled, and where time went.</summary>
public sealed partial class GuardedBroker
{
    /// <summary>It shows messages, as browsing does.</summary>
    public async ValueTask<Reconciliation> Reconcile(TopicName topic, GroupName group, ReconcileRequest request, CancellationToken cancel = default)
    {
        Demand(Reading, AccessOperations.Describe, topic, group);
        return await _inner.Reconcile(topic, group, request, cancel);
    }

    public async ValueTask<int> Redeliver(TopicName topic, GroupName group, RedeliverRequest request, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, AccessOperations.Redrive, topic, group);
        var count = await _inner.Redeliver(topic, group, request, cancel);
        Done("redeliver", $"topic {topic} group {group}");
        return count;
    }

    /// <summary>As receiving and settling: whoever may consume has the state with the messages.</summary>
    public async ValueTask<SessionState> Session(TopicName topic, GroupName group, SessionRequest request, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Consume, AccessOperations.Consume, topic, group);
        var session = await _inner.Session(topic, group, request, cancel);
        if (request.Set is not null)
            Done("setSession", $"topic {topic} group {group}");
        return session;
    }

    /// <summary>What groups did with the message is shown of those that the caller may see.</summary>
    public async ValueTask<MessageTrace> Trace(TopicName topic, TraceRequest request, CancellationToken cancel = default)
    {
        Demand(Reading, ResourceKind.Topic, topic.Text);
        var trace = await _inner.Trace(topic, request, cancel);
        return trace with { Events = [.. trace.Events.Where(one => one.Group is null || May(AccessOperations.Describe, ResourceKind.Group, one.Group))] };
    }

    public async ValueTask<StageTimes> Stages(TopicName topic, GroupName group, TimeSpan last, CancellationToken cancel = default)
    {
        Demand(AccessOperations.Describe, AccessOperations.Describe, topic, group);
        return await _inner.Stages(topic, group, last, cancel);
    }
}

namespace OrleansMq.Access;

internal sealed partial class TenantBroker
{
    public ValueTask<Reconciliation> Reconcile(TopicName topic, GroupName group, ReconcileRequest request, CancellationToken cancel = default) =>
        Shown(_inner.Reconcile(_names.In(topic), _names.In(group), request, cancel));

    public ValueTask<int> Redeliver(TopicName topic, GroupName group, RedeliverRequest request, CancellationToken cancel = default) =>
        Shown(_inner.Redeliver(_names.In(topic), _names.In(group), request, cancel));

    public ValueTask<SessionState> Session(TopicName topic, GroupName group, SessionRequest request, CancellationToken cancel = default) =>
        Shown(_inner.Session(_names.In(topic), _names.In(group), request, cancel));

    public async ValueTask<MessageTrace> Trace(TopicName topic, TraceRequest request, CancellationToken cancel = default)
    {
        var trace = await Shown(_inner.Trace(_names.In(topic), request, cancel));
        return trace with { Events = [.. trace.Events.Select(one => one.Group is { } group ? one with { Group = _names.Shown(group) } : one)] };
    }

    public ValueTask<StageTimes> Stages(TopicName topic, GroupName group, TimeSpan last, CancellationToken cancel = default) =>
        Shown(_inner.Stages(_names.In(topic), _names.In(group), last, cancel));
}

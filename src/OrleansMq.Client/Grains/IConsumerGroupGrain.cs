using OrleansMq.Client.Wire;

namespace OrleansMq.Client.Grains;

/// <summary>A consumer group on a topic. For <see cref="ClusterBroker"/>; applications use <see cref="IBroker"/>.</summary>
[Alias("OrleansMq.IConsumerGroupGrain")]
public interface IConsumerGroupGrain : IGrainWithStringKey
{
    [Alias("Put")]
    Task<GroupDescription> Put(GroupChange change);

    [Alias("Describe")]
    Task<GroupDescription> Describe();

    [Alias("Delete")]
    Task Delete();

    /// <summary>Leases messages; waits at most as long as asked.</summary>
    [Alias("Receive"), ResponseTimeout("00:00:15")]
    Task<DeliveryBlock> Receive([Immutable] ReceiveRequest request, CancellationToken cancel);

    /// <summary>Settles what lies in several partitions, or up to an offset.</summary>
    [Alias("Settle"), ResponseTimeout("00:00:15")]
    Task<SettleResult[]> Settle([Immutable] Settlement settlement);

    [Alias("Join"), ResponseTimeout("00:00:15")]
    Task<Assignment> Join(string member, TimeSpan sessionTimeout);

    [Alias("Heartbeat"), ResponseTimeout("00:00:10")]
    Task Heartbeat(string member, int generation);

    [Alias("Leave"), ResponseTimeout("00:00:10")]
    Task Leave(string member);

    [Alias("Commit"), ResponseTimeout("00:00:15")]
    Task Commit([Immutable] CommitRequest request);

    [Alias("Seek"), ResponseTimeout("00:00:15")]
    Task Seek([Immutable] SeekRequest request);

    [Alias("Redrive")]
    Task<int> Redrive(DeadLetterSelection selection, Message? replace);

    [Alias("Discard")]
    Task<int> Discard(DeadLetterSelection selection);

    [Alias("Reconcile")]
    Task<Reconciliation> Reconcile([Immutable] ReconcileRequest request);

    [Alias("Session"), ResponseTimeout("00:00:25")]
    Task<SessionState> Session([Immutable] SessionRequest request);

    [Alias("Redeliver")]
    Task<int> Redeliver([Immutable] RedeliverRequest request);
}

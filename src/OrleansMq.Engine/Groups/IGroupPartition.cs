using OrleansMq.Core.Log;

namespace OrleansMq.Engine.Groups;

/// <summary>
/// What a group asks of one partition of its topic: a <see cref="Partitions.PartitionEngine"/> in this process, or the grain that hosts one elsewhere.
/// </summary>
public interface IGroupPartition
{
    /// <summary>Makes the group's cursor here, if it is not here yet.</summary>
    Task EnsureGroup(GroupDefinition group);

    /// <summary>Somebody uses an ephemeral group: it is not deleted before so long from now. Asked of the first partition, which keeps it in its log.</summary>
    Task Keep(GroupName name, Guid id, TimeSpan time);

    Task<GroupPartition> Describe(GroupName name);

    Task Commit(GroupName name, long offset, int generation);

    Task Seek(GroupName name, StartAt to);

    /// <summary>Whether the group has settled everything here of the keys that a later partition took over when the topic grew.</summary>
    Task<bool> IsDrained(GroupName name, int successor);

    /// <summary>Leases messages and gives them, in one call.</summary>
    /// <param name="holder">See <see cref="Core.Cursors.LeaseHolder"/>.</param>
    Task<LeasedMessages> Receive(GroupName name, string holder, int max, TimeSpan lease);

    /// <summary>Leases those of these messages that the group set aside, and gives them.</summary>
    /// <param name="offsets">Of the partition; redriven messages by where they first stood.</param>
    Task<LeasedMessages> ReceiveDeferred(GroupName name, string holder, IReadOnlyCollection<long> offsets, int max, TimeSpan lease);

    /// <summary>Gives what a holder has under leases, again.</summary>
    Task<LeasedMessages> ReceiveAgain(GroupName name, string holder);

    /// <summary>Who of those that received with a request id still has leases here.</summary>
    Task<List<string>> RequestHolders(GroupName name);

    /// <summary>Acknowledges, refuses, extends or dead-letters; the codes stand in the order of the leases, null for done.</summary>
    Task<string?[]> Settle(GroupName name, Settlement settlement, IReadOnlyList<LeaseId> leases, long? upTo);

    /// <summary>What a group by key keeps of keys here; null where nothing is known of one.</summary>
    Task<SessionState?[]> Sessions(GroupName name, IReadOnlyList<ReadOnlyMemory<byte>> keys);

    /// <summary>Whether it keeps any state here.</summary>
    Task<bool> HasSessions(GroupName name);

    /// <summary>Sets the state of a key without a message.</summary>
    Task SetSession(GroupName name, SessionRequest request);

    /// <summary>Gives dead letters to the group again; null means all.</summary>
    Task<int> Redrive(GroupName name, IReadOnlyCollection<long>? offsets, Message? replace);

    /// <summary>Throws dead letters away; null means all.</summary>
    Task<int> Discard(GroupName name, IReadOnlyCollection<long>? offsets);

    /// <summary>What is not settled here; the request's place and the answer's are of this partition.</summary>
    Task<Reconciliation> Reconcile(GroupName name, ReconcileRequest request);

    Task<int> Redeliver(GroupName name, RedeliverRequest request);
}

/// <summary>What a partition must know of a group.</summary>
/// <param name="Id">A group deleted and made again under its name is another.</param>
public sealed record GroupDefinition(GroupName Name, Guid Id, bool Declared, GroupSettings Settings)
{
    /// <summary>Whether retention and limits wait for it: not for one that was made by first use, nor for an ephemeral one.</summary>
    public bool HoldsBack => Declared && Settings.DeleteAfterIdle is null;

    public GroupFlags Flags =>
        (Settings.Style == GroupStyle.Log ? GroupFlags.Log : GroupFlags.None)
        | (Settings.ByKey ? GroupFlags.ByKey : GroupFlags.None)
        | (HoldsBack ? GroupFlags.Declared : GroupFlags.None);
}

/// <summary>Messages under leases.</summary>
/// <param name="Leases">How many were granted; of one whose message retention removed meanwhile there is no delivery.</param>
public readonly record struct LeasedMessages(int Leases, IReadOnlyList<Delivery> Deliveries);

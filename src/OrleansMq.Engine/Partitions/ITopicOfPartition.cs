using OrleansMq.Core.Catalog;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Transactions;

namespace OrleansMq.Engine.Partitions;

/// <summary>What a partition asks of its topic, and tells it. Called in the partition's turns: an answer does not wait.</summary>
public interface ITopicOfPartition
{
    string Name { get; }

    /// <summary>As they are now; they change while partitions run.</summary>
    TopicSettings Settings { get; }

    /// <summary>Whether readers see what is written but not flushed: only where the topic, or the broker for those that do not say, takes acknowledgements to mean no more.</summary>
    bool ReadsUnflushed { get; }

    /// <summary>A group's settings as they are now; null when the group is gone.</summary>
    GroupSettings? FindGroup(string group);

    /// <summary>The counts of partitions that it has had. A growth may be known to a partition before it is here.</summary>
    PartitionLineage Lineage { get; }

    /// <summary>Whether new messages may come in now; takes them from the rates where it says yes. A partition asks one question at a time.</summary>
    AdmissionVerdict Admit(PartitionEngine partition, in AdmissionQuestion question);

    /// <summary>Asks for more admissions under the topic's cap; <see cref="PartitionEngine.AdmissionsAnswered"/> is to be called with the answer.</summary>
    void RequestAdmissions(PartitionEngine partition, long admitted, int needed);

    /// <summary>Whether a limit counts what groups have before them.</summary>
    bool TracksBacklog { get; }

    /// <summary>Says how much that is in this partition now.</summary>
    void NoteBacklog(PartitionEngine partition, Partition state);

    /// <summary>Says how many leases a group has in this partition now, and who holds them (asked only where one consumer is active).</summary>
    void NoteInFlight(PartitionEngine partition, string group, int inFlight, string? holder);

    /// <summary>
    /// Says when something next comes due by itself: a lease that lapses, a message whose time comes. Null: nothing does. A host whose partitions sleep wakes this
    /// one by then; others need not listen.
    /// </summary>
    void NoteDeadline(PartitionEngine partition, long? dueMs)
    {
    }

    /// <summary>
    /// A transaction is open here past its time. A host whose coordinators may sleep or be lost wakes the one that the transaction names; it ends the transaction, or
    /// it is told again. Others need not listen.
    /// </summary>
    void TransactionOverdue(PartitionEngine partition, in OpenTransaction open)
    {
    }

    /// <summary>
    /// The time is over until which an ephemeral group is kept: the host deletes it where nobody uses it, or <see cref="PartitionEngine.Keep"/> is called. It is told again every some seconds.
    /// </summary>
    void GroupUnused(PartitionEngine partition, GroupName group, Guid id)
    {
    }

    /// <summary>Readers may see more, or a cursor moved.</summary>
    void VisibleMoved(PartitionEngine partition);

    /// <summary>A group may have something to deliver here.</summary>
    void Deliverable(PartitionEngine partition, string group);
}

/// <summary>Messages that want in.</summary>
/// <param name="Messages">New ones; duplicates don't count.</param>
public readonly record struct AdmissionQuestion(int Messages, int Bytes, string Client, long NowMs);

/// <summary>What to do with them.</summary>
public enum AdmissionAnswer
{
    Admit = 0,
    Refuse = 1,

    /// <summary>Let them wait until there is room or their time is over.</summary>
    Wait = 2,

    /// <summary>Remove the oldest <see cref="AdmissionVerdict.Drop"/> messages first.</summary>
    Drop = 3,

    /// <summary>Not decided yet: <see cref="PartitionEngine.RoomMade"/> is called when it is, and the same question gets its answer.</summary>
    Pending = 4,
}

/// <summary>The answer, and what goes with it.</summary>
public readonly record struct AdmissionVerdict(AdmissionAnswer Answer, MqError? Error = null, long Drop = 0);

using OrleansMq.Core.Cursors;

namespace OrleansMq.Core.Log;

/// <summary>What an entry says. Persisted.</summary>
// frozen
public enum EntryKind : byte
{
    /// <summary>A group has a cursor here from <see cref="Entry.Offset"/> on.</summary>
    GroupAdded = 1,

    GroupRemoved = 2,

    /// <summary>Whether the group was declared, or made by first use.</summary>
    GroupDeclared = 3,

    /// <summary>A log-style group has read up to <see cref="Entry.Offset"/>, by a member of generation <see cref="Entry.Number"/>.</summary>
    Committed = 4,

    /// <summary><see cref="Entry.Count"/> messages from <see cref="Entry.Offset"/> on were leased until <see cref="Entry.Time"/>, for the <see cref="Entry.Number"/>th time.</summary>
    Granted = 5,

    Settled = 6,

    /// <summary>A lease was given back: deliverable again from <see cref="Entry.Time"/> on.</summary>
    Returned = 7,

    /// <summary>A lease lasts until <see cref="Entry.Time"/> now.</summary>
    Extended = 8,

    /// <summary>The group's cursor was set to <see cref="Entry.Offset"/>; leases ended.</summary>
    Sought = 9,

    /// <summary>The partition's first offset is <see cref="Entry.Offset"/> now.</summary>
    StartMoved = 10,

    /// <summary>Dead letters were thrown away.</summary>
    Discarded = 11,

    /// <summary>Messages of one of the partition's own lanes (<see cref="Lane.Scheduled"/>) will not be delivered.</summary>
    Cancelled = 12,

    /// <summary>A half message was not decided in time.</summary>
    HalfTimedOut = 13,

    /// <summary>A half message was rolled back at <see cref="Entry.Time"/>.</summary>
    HalfRolledBack = 14,

    /// <summary>Batches of the transaction of the producer <see cref="Entry.Offset"/> at epoch <see cref="Entry.Number"/> are let in.</summary>
    TransactionBegun = 20,

    /// <summary>
    /// The same, and who coordinates it: the transactional id's key <see cref="Entry.Name"/>, whose decisions count from version <see cref="Entry.Term"/> of its document
    /// on, and which is asked when <see cref="Entry.Time"/> is over.
    /// </summary>
    TransactionOpened = 21,

    /// <summary>The topic has <see cref="Entry.Number"/> partitions from <see cref="Entry.Offset"/> on: what is chosen by fewer is not let in any more.</summary>
    Grown = 22,

    /// <summary>Messages below <see cref="Entry.Offset"/> are about to go where a later one of their key stands.</summary>
    Compacting = 23,

    /// <summary>
    /// They went, at <see cref="Entry.Time"/>; and below <see cref="Entry.Term"/> the tombstones whose time was over.
    /// </summary>
    Compacted = 24,

    /// <summary>A message was acknowledged, and the state of its key is <see cref="Entry.Session"/> from now on.</summary>
    SessionSettled = 25,

    /// <summary>The state of a key was set without a message.</summary>
    SessionSet = 26,

    /// <summary>The group had settled all below <see cref="Entry.Offset"/>, where the topic had grown: keys that left then are the group's in other partitions from now on, and their states here don't change any more.</summary>
    KeysLeft = 27,

    /// <summary>An ephemeral group is not deleted before <see cref="Entry.Time"/>; 0: it is none any more.</summary>
    GroupKept = 28,

    /// <summary><see cref="Entry.Count"/> messages of the main lane from <see cref="Entry.Offset"/> on don't match the group's filter: it is done with them.</summary>
    PassedOver = 29,
}

/// <summary>
/// One change to cursors, as it stands in a frame of kind <see cref="FrameKind.Entries"/>. Which fields count depends on the kind; the others are 0.
/// Live traffic and recovery apply the same entries.
/// </summary>
public readonly record struct Entry
{
    public required EntryKind Kind { get; init; }

    /// <summary>The group's number in this partition.</summary>
    public int Group { get; init; }

    public int Lane { get; init; }
    public long Offset { get; init; }
    public int Count { get; init; }

    /// <summary>Granted: the delivery's number. Committed: the generation. Grown: the partitions. Granted by another opening: see <see cref="Epoch"/>.</summary>
    public int Number { get; init; }

    public int Epoch { get; init; }

    /// <summary>Milliseconds since 1970.</summary>
    public long Time { get; init; }

    /// <summary>GroupAdded: the group's name. Granted: the consumer. TransactionOpened: the coordinator's key.</summary>
    public string Name { get; init; }

    public long Term { get; init; }

    /// <summary>SessionSettled, SessionSet: the key and its state.</summary>
    public SessionWrite? Session { get; init; }

    /// <summary>GroupAdded: the group's properties. GroupDeclared: 1 or 0.</summary>
    public GroupFlags Flags { get; init; }

    /// <summary>GroupAdded: the group's identity; a group that is deleted and made again is another one.</summary>
    public Guid Id { get; init; }
}

/// <summary>Properties of a group that the partition must know by itself. Persisted.</summary>
[Flags]
// frozen
public enum GroupFlags : byte
{
    None = 0,
    Log = 1,
    ByKey = 2,
    Declared = 4,
}

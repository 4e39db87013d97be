using System.Collections.Immutable;

namespace OrleansMq.Core.Transactions;

/// <summary>What was decided: the state to be stored, or why it is refused.</summary>
public readonly record struct TransactionStep(Transaction Next, MqError? Error)
{
    public static implicit operator TransactionStep(Transaction next) => new(next, null);
}

/// <summary>
/// One transactional id and its transaction, as a value: calls and the time in, the next value out. Whoever drives it stores each value before anyone learns of it, and
/// carries out what <see cref="TransactionPhase.Committing"/> and <see cref="TransactionPhase.Aborting"/> say, as often as it takes.
/// </summary>
public sealed record Transaction
{
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromMinutes(15);

    /// <summary>An id that nobody used for so long is forgotten; as Kafka.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromDays(7);

    /// <summary>Partitions and positions of one transaction.</summary>
    public const int MaxParts = 100_000;

    public required TransactionalId Id { get; init; }

    /// <summary>Who may go on. Its epoch only rises.</summary>
    public required ProducerIdentity Producer { get; init; }

    public TransactionPhase Phase { get; init; }

    public required long TimeoutMs { get; init; }

    /// <summary>When the open transaction began.</summary>
    public long StartedMs { get; init; }

    public required long LastUsedMs { get; init; }

    /// <summary>Where markers have to go.</summary>
    public ImmutableHashSet<TransactionPartition> Partitions { get; init; } = [];

    /// <summary>Cursors that move when it commits.</summary>
    public ImmutableDictionary<GroupName, ImmutableList<GroupOffset>> Offsets { get; init; } = ImmutableDictionary<GroupName, ImmutableList<GroupOffset>>.Empty;

    /// <summary>How the last one ended, and who ended it, for the one that asks again because the answer was lost. Null: by time, or by the id's opening.</summary>
    public EndedTransaction? Ended { get; init; }

    /// <summary>What the one who opened it last had said that he is, until he uses it: so that he may say it again because the answer was lost.</summary>
    public ProducerIdentity? OpenedAs { get; init; }

    /// <summary>When it is to be aborted; null without an open one.</summary>
    public long? DeadlineMs => Phase == TransactionPhase.Ongoing ? StartedMs + TimeoutMs : null;

    public bool IsDecided => Phase is TransactionPhase.Committing or TransactionPhase.Aborting;

    /// <summary>The greatest epoch serves for fencing alone: the next opening needs a new producer id.</summary>
    public bool EpochsAreUsedUp => Producer.Epoch >= short.MaxValue - 1;

    public bool HasLapsed(long nowMs) => Phase == TransactionPhase.Empty && nowMs - LastUsedMs > (long)Life.TotalMilliseconds;

    /// <summary>The id's first opening.</summary>
    public static Transaction New(TransactionalId id, long producerId, long timeoutMs, long nowMs) =>
        new() { Id = id, Producer = new ProducerIdentity(producerId, 0), TimeoutMs = timeoutMs, LastUsedMs = nowMs };

    /// <summary>Opened again, with no transaction open (see <see cref="Fence"/>).</summary>
    /// <param name="freshId">A new producer id, where <see cref="EpochsAreUsedUp"/>.</param>
    public TransactionStep Reopen(ProducerIdentity? known, long freshId, long timeoutMs, long nowMs)
    {
        if (known is not null && known == OpenedAs && !EpochsAreUsedUp)
            return this with { TimeoutMs = timeoutMs, LastUsedMs = nowMs };
        if (MayOpen(known) is { } error)
            return new TransactionStep(this, error);
        return this with { Producer = NextEpoch(freshId), TimeoutMs = timeoutMs, LastUsedMs = nowMs, Ended = null, OpenedAs = known };
    }

    /// <summary>Whether one who says what he is may open it.</summary>
    public MqError? MayOpen(ProducerIdentity? known) => known is { } said && said != Producer && said != OpenedAs
        ? new MqError(ErrorCodes.ProducerFenced, $"Transactional id '{Id}' was opened by another since (producer {Producer.Id}, epoch {Producer.Epoch}).")
        : null;

    /// <summary>Aborts what is open and raises the epoch, so that its producer can do nothing more.</summary>
    /// <param name="openedAs">What the one says that he is who opens the id; null: its time is over.</param>
    public Transaction Fence(long nowMs, ProducerIdentity? openedAs = null) => this with
    {
        Phase = TransactionPhase.Aborting,
        Producer = Producer with { Epoch = (short)Math.Min(Producer.Epoch + 1, short.MaxValue) },
        LastUsedMs = nowMs,
        Ended = null,
        OpenedAs = openedAs,
    };

    public TransactionStep AddPartitions(ProducerIdentity producer, IEnumerable<TransactionPartition> partitions, long nowMs) =>
        MayAdd(producer) is { } error ? new TransactionStep(this, error) : Bounded(Begun(nowMs) with { Partitions = Partitions.Union(partitions) });

    public TransactionStep AddOffsets(ProducerIdentity producer, GroupName group, IReadOnlyList<GroupOffset> offsets, long nowMs)
    {
        if (MayAdd(producer) is { } error)
            return new TransactionStep(this, error);
        var staged = Offsets.GetValueOrDefault(group) ?? [];
        staged = staged.RemoveAll(known => offsets.Any(offset => offset.Topic == known.Topic && offset.Partition == known.Partition)).AddRange(offsets);
        return Bounded(Begun(nowMs) with { Offsets = Offsets.SetItem(group, staged) });
    }

    /// <summary>Decides how it ends.</summary>
    public TransactionStep End(ProducerIdentity producer, bool commit, bool newEpoch, long freshId, long nowMs)
    {
        if (Ended is { } ended && ended.By == producer && (IsDecided || Phase == TransactionPhase.Empty))
            return ended.Committed == commit
                ? this
                : Refuse(ErrorCodes.TransactionState, $"The transaction of '{Id}' was {(ended.Committed ? "committed" : "aborted")} before.");
        if (NotTheProducer(producer) is { } error)
            return new TransactionStep(this, error);
        if (Phase != TransactionPhase.Ongoing)
            return Refuse(ErrorCodes.TransactionState, $"Transactional id '{Id}' has no transaction open.");
        return this with
        {
            Phase = commit ? TransactionPhase.Committing : TransactionPhase.Aborting,
            Producer = newEpoch ? NextEpoch(freshId) : Producer,
            LastUsedMs = nowMs,
            Ended = new EndedTransaction(producer, commit),
        };
    }

    /// <summary>Who the markers name: the one whose transaction ends, or who fenced it.</summary>
    public ProducerIdentity EndedBy => Ended?.By ?? Producer;

    /// <summary>Every marker is written and every cursor moved.</summary>
    public Transaction Completed() => this with { Phase = TransactionPhase.Empty, Partitions = [], Offsets = ImmutableDictionary<GroupName, ImmutableList<GroupOffset>>.Empty };

    public TransactionDescription Describe() => new(
        Id.Text, Phase, Producer, Time(LastUsedMs), Phase == TransactionPhase.Empty ? null : Time(StartedMs), DeadlineMs is { } deadline ? Time(deadline) : null,
        [.. Partitions.OrderBy(part => part.Topic.Text, StringComparer.Ordinal).ThenBy(part => part.Partition)], [.. Offsets.Keys.OrderBy(group => group.Text, StringComparer.Ordinal)]);

    private static DateTimeOffset Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);

    private Transaction Begun(long nowMs) => this with { Phase = TransactionPhase.Ongoing, StartedMs = Phase == TransactionPhase.Ongoing ? StartedMs : nowMs, LastUsedMs = nowMs, Ended = null, OpenedAs = null };

    private MqError? MayAdd(ProducerIdentity producer) => NotTheProducer(producer) ?? (IsDecided
        ? new MqError(ErrorCodes.Overloaded, $"The transaction of '{Id}' is being ended.", TimeSpan.FromMilliseconds(50))
        : null);

    private MqError? NotTheProducer(ProducerIdentity producer) => producer == Producer
        ? null
        : producer.Id != Producer.Id
            ? new MqError(ErrorCodes.ProducerUnknown, $"Transactional id '{Id}' belongs to producer {Producer.Id}, and not to {producer.Id}.")
            : new MqError(ErrorCodes.ProducerFenced, $"Transactional id '{Id}' is at epoch {Producer.Epoch}, and not at {producer.Epoch}.");

    private ProducerIdentity NextEpoch(long freshId) => EpochsAreUsedUp ? new ProducerIdentity(freshId, 0) : Producer with { Epoch = (short)(Producer.Epoch + 1) };

    private TransactionStep Bounded(Transaction next) => next.Partitions.Count + next.Offsets.Values.Sum(offsets => offsets.Count) > MaxParts
        ? Refuse(ErrorCodes.Malformed, $"A transaction has at most {MaxParts} partitions and positions.")
        : next;

    private TransactionStep Refuse(string code, string detail) => new(this, new MqError(code, detail));
}

/// <param name="By">As whom the producer ended it; its epoch may have been raised by that.</param>
public readonly record struct EndedTransaction(ProducerIdentity By, bool Committed);

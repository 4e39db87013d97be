namespace OrleansMq;

/// <summary>A producer's id and the epoch at which it was opened.</summary>
public readonly record struct ProducerIdentity(long Id, short Epoch);

/// <summary>A batch's place in its producer's order on one partition: a retry has the same, the next batch the next.</summary>
/// <param name="Sequence">Of the batch's first record; the next batch's is greater by this one's record count (modulo 2^31).</param>
public readonly record struct ProducerSequence(long Id, short Epoch, int Sequence);

/// <summary>How <see cref="IBroker.Publish"/> sends.</summary>
public sealed record PublishOptions
{
    /// <summary>Null: what the topic or the broker says.</summary>
    public Acks? Acks { get; init; }

    /// <summary>How long a full topic that waits may hold the request.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Who sends, for the producer's rate.</summary>
    public string Client { get; init; } = "";

    /// <summary>
    /// Makes the messages, and their partitions, part of an open transaction, or of one that begins with them. They carry no token then, nor a time of delivery; where an
    /// answer is lost (<see cref="ErrorCodes.OutcomeUnknown"/>), the transaction is to be aborted.
    /// </summary>
    public ProducerTransaction? Transaction { get; init; }
}

/// <summary>A transactional id, and its producer as <see cref="ITransactionCoordinator.Open"/> or <see cref="ITransactionCoordinator.End"/> gave it.</summary>
public readonly record struct ProducerTransaction(string Id, ProducerIdentity Producer);

/// <summary>What became of one message: a position, or an error.</summary>
public readonly record struct PublishResult(Position Position, bool Duplicate, MqError? Error)
{
    /// <summary>Set where the message waits for its time: its name for <see cref="IBroker.CancelScheduled"/>. It has no position then.</summary>
    public string? Scheduled { get; init; }

    /// <summary>Set where this is a half message: its name for <see cref="IBroker.EndHalf"/>. It has no position then.</summary>
    public string? Half { get; init; }

    /// <exception cref="MqException">It was refused.</exception>
    public Position OrThrow() => Error is null ? Position : throw new MqException(Error);
}

/// <summary>One record batch for one partition.</summary>
public sealed record AppendRequest
{
    public required TopicName Topic { get; init; }
    public required int Partition { get; init; }

    /// <summary>Exactly one record batch (v2). Borrowed until the call completes. Its base offset and leader epoch are the broker's to set.</summary>
    public required ReadOnlyMemory<byte> Batch { get; init; }

    /// <summary>The batch uses added features (reserved headers): it is decoded, checked for duplicates and rebuilt. Otherwise it is stored as it is.</summary>
    public bool Rich { get; init; }

    /// <summary>Null: what the topic or the broker says.</summary>
    public Acks? Acks { get; init; }

    /// <summary>Null: the batch's own producer id and sequence where it has them, else none.</summary>
    public ProducerSequence? Producer { get; init; }

    /// <summary>Of a transaction's batch, the id by which the transaction is opened: where rights are asked, they are asked of it.</summary>
    public string? TransactionalId { get; init; }

    /// <summary>
    /// By how many partitions a key or a token of the batch chose this one: where the topic has more by now, the batch is refused with <see cref="ErrorCodes.PartitionsChanged"/>,
    /// so that no key's message comes to a partition that the key has left. Null: the partition was named, or the sender does not mind.
    /// </summary>
    public int? Partitions { get; init; }

    /// <summary>How long a full topic that waits may hold the request.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Who sends, for the producer's rate.</summary>
    public string Client { get; init; } = "";
}

/// <summary>What became of a batch.</summary>
public readonly record struct AppendResult
{
    /// <summary>The first offset of what is stored; -1 where nothing of it was.</summary>
    public required long BaseOffset { get; init; }

    /// <summary>The whole batch was stored before, by the producer's sequence.</summary>
    public bool Duplicate { get; init; }

    /// <summary>Rich batches: what became of each record, in order. Null for a plain batch, whose records follow one another from the base offset.</summary>
    public IReadOnlyList<RecordOutcome>? Records { get; init; }
}

/// <summary>What became of one record of a rich batch.</summary>
/// <param name="Offset">Of this record, or of the first one with its token.</param>
/// <param name="Error">Set where it was refused by itself.</param>
public readonly record struct RecordOutcome(long Offset, bool Duplicate, MqError? Error = null)
{
    /// <summary>Set where the message waits for its time: its token, else a name that the broker gave it. The offset is -1 then.</summary>
    public string? Scheduled { get; init; }

    /// <summary>Set where this is a half message that is not committed: its name. The offset is -1 then.</summary>
    public string? Half { get; init; }

    /// <summary>Set where the first with its token was stored before the topic grew, and stands in another partition.</summary>
    public int? Partition { get; init; }
}

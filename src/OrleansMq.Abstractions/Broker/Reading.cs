namespace OrleansMq;

/// <summary>What a reader may see.</summary>
public enum Isolation
{
    /// <summary>Everything up to the end.</summary>
    Uncommitted = 0,

    /// <summary>Up to the last stable offset.</summary>
    Committed = 1,
}

/// <summary>A read of many partitions.</summary>
public sealed record ReadRequest
{
    /// <summary>So many bytes are looked through in a call where messages are filtered, over all partitions.</summary>
    public const int MaxLookedBytes = 16 << 20;

    /// <summary>So many partitions are read at once.</summary>
    public const int MaxPartitions = 10_000;

    public required IReadOnlyList<PartitionCursor> Partitions { get; init; }

    /// <summary>Returns as soon as so many bytes are there. 0: at once.</summary>
    public int MinBytes { get; init; } = 1;

    /// <summary>What ends the wait: where messages are filtered, that anything was looked through, for then reading goes on behind it.</summary>
    public int EnoughBytes => Filter is null && Group is null ? MinBytes : Math.Min(1, MinBytes);

    /// <summary>Over all partitions; a first batch that is larger is given all the same.</summary>
    public int MaxBytes { get; init; } = 4 << 20;

    /// <summary>How long to wait for <see cref="MinBytes"/>.</summary>
    public TimeSpan Wait { get; init; }

    public Isolation Isolation { get; init; }

    /// <summary>
    /// Only messages for which this holds, in the language of <see cref="GroupSettings.Filter"/>. The batches are made anew of them and keep their offsets; the last one reaches to where the broker
    /// looked, and may be empty. So reading goes on behind it as always, and a call that found nothing has come further. At most <see cref="MaxLookedBytes"/> are looked through in a call.
    /// </summary>
    public string? Filter { get; init; }

    /// <summary>Reads as this group of each topic does: through the filter that it has now. Of dead letters it says nothing. Null: for no group.</summary>
    public GroupName? Group { get; init; }
}

/// <summary>Where to read on in one partition.</summary>
/// <param name="TopicId">Only of the topic that has this <see cref="TopicDescription.Id"/>: where it was deleted, and also made again under its name, the answer is
/// <see cref="ErrorCodes.TopicUnknown"/>. Empty: of whichever has the name. Not over HTTP.</param>
public readonly record struct PartitionCursor(TopicName Topic, int Partition, long Offset, int MaxBytes = 1 << 20, Guid TopicId = default);

/// <summary>What was read. Dispose it to give its buffers back; its memory must not be used afterwards.</summary>
public sealed class ReadResult(IReadOnlyList<PartitionRead> partitions, IDisposable? buffers = null) : IDisposable
{
    /// <summary>In the order asked.</summary>
    public IReadOnlyList<PartitionRead> Partitions => partitions;

    public void Dispose() => buffers?.Dispose();
}

/// <summary>What was read of one partition.</summary>
public sealed record PartitionRead
{
    public required TopicName Topic { get; init; }
    public required int Partition { get; init; }

    /// <summary>Why nothing could be read; the others' reads stand.</summary>
    public MqError? Error { get; init; }

    /// <summary>Whole record batches one after another, as stored. The first may begin before the offset that was asked. With a filter: see <see cref="ReadRequest.Filter"/>.</summary>
    public ReadOnlyMemory<byte> Batches { get; init; }

    public long Start { get; init; }

    /// <summary>The end of what readers may see.</summary>
    public long End { get; init; }

    public long LastStableOffset { get; init; }

    /// <summary>Transactions that were aborted within the batches, in the order of their first offsets; see <see cref="CommittedBatches"/>.</summary>
    public IReadOnlyList<AbortedTransaction> Aborted { get; init; } = [];
}

/// <param name="FirstOffset">Records of the producer from here to its next marker are void.</param>
public readonly record struct AbortedTransaction(long ProducerId, long FirstOffset);

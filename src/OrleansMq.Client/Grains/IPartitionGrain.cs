namespace OrleansMq.Client.Grains;

/// <summary>A partition. For <see cref="ClusterBroker"/>; applications use <see cref="IBroker"/>.</summary>
[Alias("OrleansMq.IPartitionGrain")]
public interface IPartitionGrain : IGrainWithStringKey
{
    /// <param name="batch">One record batch; handed over.</param>
    [Alias("Append"), ResponseTimeout("00:00:05")]
    Task<AppendResult> Append([Immutable] byte[] batch, AppendTerms terms);

    /// <summary>Appends batches in their order, each for itself: one that is refused keeps none of the others out. Answers when the last of them has its outcome.</summary>
    /// <param name="parts">At most <see cref="AppendQueue.MaxParts"/>; all with the same <see cref="AppendTerms.Acks"/>, so that none waits for more than it asked. Handed over.</param>
    /// <returns>An outcome for each, in order.</returns>
    [Alias("AppendAll"), ResponseTimeout("00:00:05")]
    Task<AppendOutcome[]> AppendAll([Immutable] AppendPart[] parts);

    /// <summary>Waits, at most as long as asked, until something is there.</summary>
    [Alias("Read"), ResponseTimeout("00:00:15")]
    Task<PartitionBlock> Read(ReadTerms terms, CancellationToken cancel);

    /// <param name="deadLettersOf">Null: the messages themselves.</param>
    [Alias("FindOffset"), ResponseTimeout("00:00:10")]
    Task<long> FindOffset(StartAt at, GroupName? deadLettersOf);

    [Alias("DeleteBefore"), ResponseTimeout("00:00:10")]
    Task<long> DeleteBefore(long offset);

    /// <summary>Settles leases of one group, all of this partition.</summary>
    /// <returns>A code for each lease; null for done.</returns>
    [Alias("Settle"), ResponseTimeout("00:00:10")]
    Task<string?[]> Settle(GroupName group, [Immutable] Settlement settlement);

    [Alias("FindScheduled"), ResponseTimeout("00:00:10")]
    Task<ScheduledMessage?> FindScheduled(string id);

    [Alias("CancelScheduled"), ResponseTimeout("00:00:10")]
    Task<bool> CancelScheduled(string id);

    [Alias("ListScheduled"), ResponseTimeout("00:00:10")]
    Task<ScheduledPart> ListScheduled(long from, int max);

    [Alias("EndHalf"), ResponseTimeout("00:00:10")]
    Task<HalfResult> EndHalf(long offset, bool commit, bool force);

    [Alias("FindHalf"), ResponseTimeout("00:00:10")]
    Task<HalfMessage?> FindHalf(long offset);

    [Alias("ListHalf"), ResponseTimeout("00:00:10")]
    Task<HalfPart> ListHalf(string? group, long from, int max);

    [Alias("CheckHalf"), ResponseTimeout("00:00:10")]
    Task<HalfPart> CheckHalf(string group, int max);

    [Alias("Trace")]
    Task<MessageTrace> Trace(long offset, long maxBytes);

    [Alias("FindToken"), ResponseTimeout("00:00:10")]
    Task<long> FindToken(string token);

    [Alias("Stages")]
    Task<StageTimes> Stages(GroupName group, TimeSpan last);
}

/// <summary>What goes with a batch.</summary>
/// <param name="Partitions">By how many partitions a key or a token of it chose this one; null where none did.</param>
[GenerateSerializer, Immutable, Alias("OrleansMq.AppendTerms")]
public readonly record struct AppendTerms(bool Rich, Acks? Acks, ProducerSequence? Producer, TimeSpan Wait, string Client, int? Partitions, string? TransactionalId);

/// <summary>One batch of several that go in one call.</summary>
[GenerateSerializer, Immutable, Alias("OrleansMq.AppendPart")]
public readonly record struct AppendPart(byte[] Batch, AppendTerms Terms);

/// <summary>What became of it: the error, or the result.</summary>
[GenerateSerializer, Immutable, Alias("OrleansMq.AppendOutcome")]
public readonly record struct AppendOutcome(AppendResult Result, MqError? Error);

/// <summary>Where to read on, how much, and how long to wait for it.</summary>
/// <param name="DeadLettersOf">Null: the messages themselves.</param>
/// <param name="MaxBytes">A first batch that is larger is given all the same.</param>
/// <param name="Filter">See <see cref="ReadRequest.Filter"/>.</param>
/// <param name="Group">See <see cref="ReadRequest.Group"/>.</param>
/// <param name="MaxLooked">How much may be looked through where there is a filter. 0: as much as in one call.</param>
[GenerateSerializer, Immutable, Alias("OrleansMq.ReadTerms")]
public readonly record struct ReadTerms(long Offset, int MaxBytes, TimeSpan Wait, GroupName? DeadLettersOf, Isolation Isolation, string? Filter = null, GroupName? Group = null, int MaxLooked = 0);

/// <summary>What was read of one partition.</summary>
/// <param name="Batches">Whole record batches, one after another.</param>
[GenerateSerializer, Immutable, Alias("OrleansMq.PartitionBlock")]
public sealed record PartitionBlock(byte[] Batches, long Start, long End, long Stable, AbortedTransaction[] Aborted);

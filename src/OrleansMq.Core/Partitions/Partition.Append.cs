using OrleansMq.Core.Delay;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Records;

namespace OrleansMq.Core.Partitions;

/// <summary>A batch that passed the checks which need no state, with the hashes of its tokens if it is rich.</summary>
/// <param name="Tokens">For each record the hash of its token, or null; null for a plain batch.</param>
/// <param name="IsHalf">Its records are half messages, all of them.</param>
/// <param name="Partitions">By how many its sender chose the partition; null where no key and no token chose.</param>
/// <param name="Earlier">For each record where its token stands in a partition before this one, or null; null where none does.</param>
/// <param name="TransactionKey">Of the transactional id that the sender of a transaction's batch named; null where it named none.</param>
/// <param name="Times">For each record when it is to be delivered, as <see cref="ScheduledHeaders.AsSent"/> gives it; null where none says.</param>
public readonly record struct AdmissibleBatch(RecordBatch Batch, ProducerSequence? Producer, TokenHash?[]? Tokens, long[]? Times = null, bool IsHalf = false, int? Partitions = null, RecordOutcome?[]? Earlier = null, string? TransactionKey = null)
{
    public bool IsRich => Tokens is not null;
}

/// <summary>What was decided of a batch. Where it has an error, nothing changed.</summary>
public readonly record struct AppendDecision(AppendResult Result, int Stored, MqError? Error)
{
    public static AppendDecision Refused(string code, string detail) => new(default, 0, new MqError(code, detail));
}

/// <summary>What becomes of a batch: stored, known already, or refused.</summary>
public sealed partial class Partition
{
    /// <summary>How many records of a batch would be new: what rate, backlog and admission count.</summary>
    public int CountNew(in AdmissibleBatch batch, long nowMs)
    {
        if (batch.Producer is { } producer && Producers.Decide(producer, batch.Batch.Count, out _) != SequenceDecision.New)
            return 0;
        if (batch.Tokens is not { } tokens)
            return batch.Batch.Count;
        var seen = new HashSet<TokenHash>();
        var count = 0;
        for (var i = 0; i < tokens.Length; i++)
            if (tokens[i] is not { } hash || (batch.Earlier?[i] is null && !TryFindToken(hash, nowMs, out _) && seen.Add(hash)))
                count++;
        return count;
    }

    /// <summary>Decides, writes the frame into <paramref name="frames"/>, and applies it.</summary>
    /// <param name="admissions">How many more records the topic's cap admits here; null without a cap.</param>
    public AppendDecision Append(in AdmissibleBatch batch, long? admissions, long nowMs, FrameBuffer frames)
    {
        var count = batch.Batch.Count;
        if (batch.Producer is { } producer)
        {
            switch (Producers.Decide(producer, count, out var earlier))
            {
                case SequenceDecision.Duplicate:
                    return Repeat(batch, earlier, nowMs);
                case SequenceDecision.Fenced:
                    return AppendDecision.Refused(ErrorCodes.ProducerFenced, $"Producer {producer.Id} was opened again after epoch {producer.Epoch}.");
                case SequenceDecision.Gap:
                    return AppendDecision.Refused(ErrorCodes.SequenceGap, $"Sequence {producer.Sequence} of producer {producer.Id} does not follow the last one stored.");
                case SequenceDecision.Unknown:
                    return AppendDecision.Refused(ErrorCodes.ProducerUnknown, $"Nothing of producer {producer.Id} was ever stored in this partition, and it begins with sequence {producer.Sequence} in place of 0.");
                case SequenceDecision.Old:
                    return AppendDecision.Refused(ErrorCodes.SequenceOld, $"Sequence {producer.Sequence} of producer {producer.Id} is older than the batches remembered.");
            }
        }

        if (batch.Batch.IsTransactional && Transactions.Check(batch.Batch.ProducerId, batch.Batch.ProducerEpoch, batch.TransactionKey) is { } outside)
            return new AppendDecision(default, 0, outside);
        return batch.IsRich ? AppendRich(batch, admissions, nowMs, frames) : AppendPlain(batch, admissions, nowMs, frames);
    }

    private AppendDecision AppendPlain(in AdmissibleBatch batch, long? admissions, long nowMs, FrameBuffer frames)
    {
        var count = batch.Batch.Count;
        if (admissions < count)
            return AppendDecision.Refused(ErrorCodes.AdmissionClosed, $"The topic admits {admissions} more messages; the batch has {count}.");
        var flags = admissions is null ? FrameFlags.None : FrameFlags.Admitted;
        var offset = End;
        var (header, stored) = frames.AddBatch(batch.Batch.Memory.Span, Lane.Main, flags, offset, batch.Producer, count, At(nowMs));
        ApplyBatch(header, stored);
        return new AppendDecision(new AppendResult { BaseOffset = offset }, count, null);
    }

    private AppendDecision AppendRich(in AdmissibleBatch batch, long? admissions, long nowMs, FrameBuffer frames)
    {
        if (batch.IsHalf)
            return AppendHalf(batch, admissions, nowMs, frames);
        if (batch.Times is { } times && Array.Exists(times, time => IsAhead(time, At(nowMs))))
            return AppendScheduled(batch, times, admissions, nowMs, frames);
        var (outcomes, stored, refused) = Sort(batch, End, admissions, nowMs);
        var count = batch.Batch.Count;
        if (refused == count)
            return new AppendDecision(default, 0, outcomes[0].Error);
        var offset = End;
        if (stored == 0)
        {
            if (batch.Producer is { } producer)
                ApplyHeader(frames.AddSequence(producer, count, End, At(nowMs)), 0);
            return new AppendDecision(new AppendResult { BaseOffset = -1, Records = Named(batch.Batch, outcomes) }, 0, null);
        }

        var bytes = stored == count ? batch.Batch.Memory : Rebuild(batch.Batch, outcomes);
        var flags = FrameFlags.Rich | (admissions is null ? FrameFlags.None : FrameFlags.Admitted);
        var (header, placed) = frames.AddBatch(bytes.Span, Lane.Main, flags, offset, batch.Producer, count, At(nowMs));
        ApplyBatch(header, placed);
        return new AppendDecision(new AppendResult { BaseOffset = offset, Records = Named(batch.Batch, outcomes) }, stored, null);
    }

    /// <summary>For each record: the offset it will have from <paramref name="end"/> on, or that of the first with its token, or why it is refused.</summary>
    private (RecordOutcome[] Outcomes, int Stored, int Refused) Sort(in AdmissibleBatch batch, long end, long? admissions, long nowMs)
    {
        var tokens = batch.Tokens!;
        var outcomes = new RecordOutcome[tokens.Length];
        Dictionary<TokenHash, int>? firsts = null;
        var (stored, refused) = (0, 0);
        for (var i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] is { } hash)
            {
                if (TryFindToken(hash, nowMs, out var known))
                {
                    outcomes[i] = new RecordOutcome(known, true);
                    continue;
                }

                if (batch.Earlier?[i] is { } before)
                {
                    outcomes[i] = before;
                    continue;
                }

                firsts ??= [];
                if (!firsts.TryAdd(hash, i))
                {
                    outcomes[i] = outcomes[firsts[hash]] with { Duplicate = true };
                    if (outcomes[i].Error is not null)
                        refused++;
                    continue;
                }
            }

            if (stored >= admissions)
            {
                outcomes[i] = new RecordOutcome(-1, false, new MqError(ErrorCodes.AdmissionClosed, "All messages that the topic admits were accepted."));
                refused++;
                continue;
            }

            outcomes[i] = new RecordOutcome(end + stored, false);
            stored++;
        }

        return (outcomes, stored, refused);
    }

    /// <summary>
    /// The answer to a batch that was stored before. Which of its records were duplicates or refused then is worked out again: a token leads to its
    /// position, and the records without one fill the offsets that were stored for this batch, in order.
    /// </summary>
    private AppendDecision Repeat(in AdmissibleBatch batch, in ProducerBatch earlier, long nowMs)
    {
        if (batch.Tokens is not { } tokens)
            return new AppendDecision(new AppendResult { BaseOffset = earlier.BaseOffset, Duplicate = true }, 0, null);
        var outcomes = new RecordOutcome[tokens.Length];
        var next = earlier.BaseOffset;
        for (var i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] is { } hash && Tokens.TryFind(hash, nowMs, out var known))
            {
                outcomes[i] = new RecordOutcome(known, true);
                if (known == next)
                    next++;
            }
            else if (batch.Earlier?[i] is { } before)
            {
                outcomes[i] = before;
            }
            else
            {
                outcomes[i] = new RecordOutcome(next++, true);
            }
        }

        return new AppendDecision(new AppendResult { BaseOffset = earlier.BaseOffset >= HalfPlace ? -1 : earlier.BaseOffset, Duplicate = true, Records = Named(batch.Batch, outcomes) }, 0, null);
    }

    private static ReadOnlyMemory<byte> Rebuild(in RecordBatch batch, RecordOutcome[] outcomes)
    {
        var builder = new RecordBatchBuilder(batch.Length) { IsTransactional = batch.IsTransactional };
        var i = 0;
        foreach (var record in batch.Records())
        {
            var outcome = outcomes[i++];
            if (!outcome.Duplicate && outcome.Error is null)
                builder.Append(record);
        }

        return batch.IsTransactional ? builder.Build(producerId: batch.ProducerId, producerEpoch: batch.ProducerEpoch, baseSequence: batch.BaseSequence) : builder.Build();
    }

    private bool TryFindToken(TokenHash token, long nowMs, out long place) => Tokens.TryFind(token, nowMs, out place) && !IsRolledBack(place);

    private long At(long nowMs) => Math.Max(nowMs, ClockMs);
}

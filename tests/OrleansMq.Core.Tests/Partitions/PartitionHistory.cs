using OrleansMq.Core.Cursors;
using OrleansMq.Core.Delay;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Transactions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>A random life of a partition: what it decided, the bytes of its log, and snapshots taken on the way.</summary>
internal sealed class PartitionHistory
{
    private static readonly LogIdentity Identity = new(0x1122334455667788, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 2);
    private static readonly PartitionLimits Limits = new() { MaxProducers = 4, TokenCount = 24, TokenAgeMs = 400 };
    private static readonly Redelivery Rules = new(3, 0, 50, 400);

    private readonly Random _random;
    private readonly Partition _live = new(Identity, Limits, 0);
    private readonly FrameBuffer _frames = new(Identity, 1);
    private readonly List<byte> _log = [];
    private readonly Dictionary<(int Lane, long Offset), RecordView> _records = [];
    private readonly List<(long Position, byte[] State)> _snapshots = [];
    private readonly List<(PartitionGroup Group, GrantedLease Lease)> _leases = [];
    private readonly Dictionary<long, (short Epoch, int Next)> _producers = [];
    private readonly List<(AdmissibleBatch Batch, AppendResult Result)> _sent = [];
    private long _now = 1_000;
    private int _names;

    public PartitionHistory(int seed, int steps)
    {
        _random = new Random(seed);
        for (var i = 0; i < steps; i++)
        {
            _now += _random.Next(0, 30);
            Lapse(_live, _now);
            Step();
        }

        Seal();
    }

    /// <summary>What happened, by entry kind and frame kind.</summary>
    public HashSet<string> Happened { get; } = [];

    public int Snapshots => _snapshots.Count;

    /// <summary>The state as it came about by deciding.</summary>
    public string Live() => Saved(_live);

    /// <summary>The state as the log tells it from its beginning.</summary>
    public string Replayed() => Saved(Replay(new Partition(Identity, Limits, 0)));

    /// <summary>The state as a snapshot and the log behind it tell it.</summary>
    public string ReplayedFrom(int snapshot)
    {
        var (position, state) = _snapshots[snapshot];
        return Saved(Replay(Partition.Load(Identity, Limits, state, position)));
    }

    private Partition Replay(Partition partition)
    {
        var bytes = _log.ToArray();
        while (partition.Position < bytes.Length)
        {
            Assert.Equal(FrameVerdict.Whole, FrameScan.At(bytes.AsSpan((int)partition.Position), partition.Position, Identity, out var header));
            partition.Apply(header, bytes.AsMemory((int)partition.Position + FrameHeader.Size, header.PayloadLength));
        }

        return partition;
    }

    /// <summary>Groups take what there is by turns; it is not in the log.</summary>
    private static DeliveryOrder OrderOf(PartitionGroup group) => (group.Number % 4) switch
    {
        1 => new DeliveryOrder(true, null),
        2 => new DeliveryOrder(true, FairBy.Key),
        _ => DeliveryOrder.OfLane,
    };

    private static MessageTraits TraitsAt(long offset) => new((ulong)(offset % 5), (ulong)(offset % 3), 1, (int)(offset % Message.Priorities));

    /// <summary>What follows from the clock is not logged: it is caught up with first.</summary>
    private string Saved(Partition partition)
    {
        foreach (var group in partition.Groups)
            group.SetRules(Rules, OrderOf(group), group.ByKey && group.Number % 2 == 0);
        Lapse(partition, _now);
        return State.Of(partition.Save);
    }

    private static void Lapse(Partition partition, long now)
    {
        foreach (var group in partition.Groups.Where(group => !group.IsLog))
        {
            group.Main!.Lapse(now);
            group.Redriven!.Lapse(now);
        }
    }

    private void Step()
    {
        switch (_random.Next(38))
        {
            case < 3:
                Append(Plain());
                break;
            case < 6:
                Append(Rich());
                break;
            case 6 when _sent.Count > 0:
                Repeat();
                break;
            case 7:
                ChangeGroups();
                break;
            case < 12:
                Lease();
                break;
            case < 17:
                Settle();
                break;
            case 17:
                MoveCursor();
                break;
            case 18:
                _live.MoveStart(_live.Start + _random.Next(0, 12), _now, _frames);
                break;
            case < 21:
                Bury();
                break;
            case 21:
                Redrive();
                break;
            case 22:
                Discard();
                break;
            case < 26:
                Schedule();
                break;
            case 26:
                MoveDue();
                break;
            case 27:
                Roll();
                break;
            case 29 or 30:
                Begin();
                break;
            case 31 or 32:
                DecideHalf();
                break;
            case 33:
                _live.TimeOutHalf(_now, _random.Next(1, 4), _frames);
                break;
            case 34:
                Transact();
                break;
            case 36:
                _live.Grow(_random.Next(1, 40), _now, _frames);
                break;
            case 37 when _live.GapsEnd > _live.CompactedEnd:
                _live.EndCompaction(_random.NextInt64(_live.CompactedEnd, _live.GapsEnd + 1), _live.TombstonesFrom(1_000, _now), _now, _frames);
                break;
            case 37:
                _live.BeginCompaction(_random.NextInt64(0, _live.StableEnd + 1), _now, _frames);
                break;
            case 28:
                _live.CancelScheduled(_random.NextInt64(0, _live.Scheduled.End + 2), _now, _frames);
                break;
            default:
                Seal();
                break;
        }
    }

    private AdmissibleBatch Plain()
    {
        var builder = new RecordBatchBuilder(256);
        for (var left = _random.Next(1, 8); left > 0; left--)
            builder.Append(_now, "k"u8, _random.Next(2) == 0, new byte[_random.Next(0, 40)], true);
        return new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), Sequence(builder.Count), null);
    }

    private AdmissibleBatch Rich()
    {
        var builder = new RecordBatchBuilder(256);
        var tokens = new TokenHash?[_random.Next(1, 6)];
        for (var i = 0; i < tokens.Length; i++)
        {
            var token = _random.Next(4) == 0 ? null : $"token-{_random.Next(40)}";
            tokens[i] = token is null ? null : TokenHash.Of(token);
            builder.Append(_now, default, false, new byte[_random.Next(0, 40)], true, token is null ? [] : [RecordHeader.OfText(ReservedHeaders.Token, token)]);
        }

        return new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), Sequence(builder.Count), tokens);
    }

    /// <summary>A batch of which some wait, some are due, some are known.</summary>
    private void Schedule()
    {
        var builder = new RecordBatchBuilder(256);
        var (tokens, times) = (new TokenHash?[_random.Next(1, 6)], new long[6]);
        for (var i = 0; i < tokens.Length; i++)
        {
            var headers = new List<RecordHeader>();
            if (_random.Next(3) == 0)
            {
                var token = $"token-{_random.Next(40)}";
                tokens[i] = TokenHash.Of(token);
                headers.Add(RecordHeader.OfText(ReservedHeaders.Token, token));
            }

            times[i] = _random.Next(4) switch { 0 => 0, 1 => -_random.Next(1, 500), 2 => _now - 5, _ => _now + _random.Next(1, 500) };
            if (times[i] != 0)
                headers.Add(RecordHeader.OfText(ReservedHeaders.DeliverAt, times[i] < 0 ? $"+{-times[i]}" : $"{times[i]}"));
            builder.Append(_now, default, false, new byte[_random.Next(0, 40)], true, headers.ToArray());
        }

        var sequence = Sequence(builder.Count);
        var batch = new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), sequence, tokens, times[..tokens.Length]);
        var (end, laneEnd) = (_live.End, _live.Scheduled.End);
        var decision = _live.Append(batch, null, _now, _frames);
        if (decision.Error is { } error)
        {
            Happened.Add(error.Code);
            return;
        }

        Assert.Equal(decision.Stored, Math.Max(_live.End - end, _live.Scheduled.End - laneEnd));
        if (_live.End > end && _live.Scheduled.End > laneEnd)
            Happened.Add("passed on");
        if (sequence is not null && !decision.Result.Duplicate)
            _sent.Add((batch, decision.Result));
    }

    private void Begin()
    {
        var builder = new RecordBatchBuilder(256);
        var tokens = new TokenHash?[_random.Next(1, 4)];
        for (var i = 0; i < tokens.Length; i++)
        {
            var headers = new List<RecordHeader> { RecordHeader.OfText(ReservedHeaders.Half, $"{_random.Next(0, 50)}:{_random.Next(1, 50)}:{_random.Next(1, 4)}:pay") };
            if (_random.Next(2) == 0)
            {
                var token = $"token-{_random.Next(40)}";
                tokens[i] = TokenHash.Of(token);
                headers.Add(RecordHeader.OfText(ReservedHeaders.Token, token));
            }

            builder.Append(_now, default, false, new byte[_random.Next(0, 40)], true, headers.ToArray());
        }

        var sequence = Sequence(builder.Count);
        var batch = new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), sequence, tokens, null, true);
        var (end, before) = (_live.End, _live.Half.Count);
        var decision = _live.Append(batch, null, _now, _frames);
        Assert.Equal((end, before + decision.Stored), (_live.End, _live.Half.Count));
        if (decision.Error is { } error)
            Happened.Add(error.Code);
        else if (sequence is not null && !decision.Result.Duplicate)
            _sent.Add((batch, decision.Result));
    }

    /// <summary>Any half message, decided or not, either way: states only move forward.</summary>
    private void DecideHalf()
    {
        if (_live.Half.IsUnused)
            return;
        Seal();
        var (offset, commit, force) = (_random.NextInt64(0, _live.Half.End + 1), _random.Next(2) == 0, _random.Next(4) == 0);
        var known = _live.Half.TryFindDecided(offset, out var main);
        var end = _live.End;
        var answer = _live.DecideHalf(offset, commit, force, _records.TryGetValue((Lane.Half, offset), out var record) ? record : null, _now, _frames);
        Happened.Add(answer.Error?.Code ?? $"half {answer.Result!.State}{(answer.Result.Duplicate ? " again" : "")}");
        Assert.Equal(end + (answer is { Error: null, Result: { State: HalfState.Committed, Duplicate: false } } ? 1 : 0), _live.End);
        if (known)
            Assert.Equal(commit == main >= 0, answer.Error is null);
        if (known && commit && main >= 0)
            Assert.Equal(main, answer.Result!.Position!.Value.Offset);
    }

    /// <summary>A producer's transaction begins here, or ends with its marker.</summary>
    private void Transact()
    {
        var producer = new ProducerIdentity(_random.Next(100, 103), 0);
        if (_live.Transactions.Find(producer.Id) is null)
        {
            Assert.Null(_live.BeginTransaction(new OpenTransaction(producer, "id", 1, _now), _now, _frames));
            return;
        }

        var (end, outcome) = (_live.End, _random.Next(2) == 0 ? TransactionOutcome.Commit : TransactionOutcome.Abort);
        _live.EndTransaction(producer, outcome, 1, _now, _frames);
        Assert.Equal((end + 1, (OpenTransaction?)null), (_live.End, _live.Transactions.Find(producer.Id)));
        Happened.Add($"transaction, {outcome}");
    }

    private void MoveDue()
    {
        Seal();
        var due = new List<DueMessage>();
        _live.Scheduled.TakeDue(_now, _random.Next(1, 8), long.MaxValue, due);
        Assert.All(due, message => Assert.True(message.DueMs <= _now));
        var before = _live.Scheduled.Count;
        var moved = _live.MoveDue(due.ConvertAll(message => new ScheduledMove(message.Offset, _records[(Lane.Scheduled, message.Offset)])), _now, _frames);
        Assert.Equal((due.Count, before - due.Count), (moved, _live.Scheduled.Count));
    }

    private void Roll()
    {
        Seal();
        var frames = _live.Scheduled.SelectToRoll(_random.NextInt64(0, _live.Position + 1));
        if (frames.Count == 0)
            return;
        var (count, least) = (_live.Scheduled.Count, _live.Scheduled.LeastPosition);
        var moves = _records.Where(each => each.Key.Lane == Lane.Scheduled && each.Key.Offset >= frames[0].First && each.Key.Offset <= frames[^1].Last)
            .OrderBy(each => each.Key.Offset).Select(each => new ScheduledMove(each.Key.Offset, each.Value)).ToList();
        _live.RollScheduled(frames, moves, _now, _frames);
        Assert.Equal(count, _live.Scheduled.Count);
        Assert.True(_live.Scheduled.LeastPosition >= least);
    }

    /// <summary>Now and then a gap, or a producer opened again.</summary>
    private ProducerSequence? Sequence(int count)
    {
        if (_random.Next(2) == 0)
            return null;
        long id = _random.Next(0, 7);
        var (epoch, next) = _producers.GetValueOrDefault(id);
        switch (_random.Next(12))
        {
            case 0:
                return new ProducerSequence(id, epoch, next + 5);
            case 1:
                (epoch, next) = ((short)(epoch + 1), 0);
                break;
        }

        _producers[id] = (epoch, next + count);
        return new ProducerSequence(id, epoch, next);
    }

    private void Append(in AdmissibleBatch batch)
    {
        var fresh = _live.CountNew(batch, _now);
        long? admissions = _random.Next(4) == 0 ? _random.Next(0, 5) : null;
        var end = _live.End;
        var decision = _live.Append(batch, admissions, _now, _frames);
        Assert.Equal(end + decision.Stored, _live.End);
        if (decision.Error is { } error)
        {
            Happened.Add(error.Code);
            return;
        }

        if (admissions is null)
            Assert.Equal(fresh, decision.Stored);
        Happened.Add($"{(batch.IsRich ? "rich" : "plain")}, {(decision.Stored == 0 ? "nothing" : decision.Stored < batch.Batch.Count ? "some" : "all")} stored");
        if (batch.Producer is not null && !decision.Result.Duplicate)
            _sent.Add((batch, decision.Result));
    }

    /// <summary>A producer that did not hear the answer sends its last batch again.</summary>
    private void Repeat()
    {
        var (batch, result) = _sent[^1];
        if (_live.Producers.Decide(batch.Producer!.Value, batch.Batch.Count, out _) != SequenceDecision.Duplicate)
            return;
        var end = _live.End;
        var again = _live.Append(batch, null, _now, _frames);
        Assert.Equal((true, 0, end), (again.Result.Duplicate, again.Stored, _live.End));
        if (result.Records is null)
            Assert.Equal(result.BaseOffset, again.Result.BaseOffset);
        Happened.Add("repeated");
    }

    private void ChangeGroups()
    {
        var some = Some(_ => true);
        switch (_random.Next(5))
        {
            case 0 when some is not null && _live.Groups.Count > 2:
                _live.RemoveGroup(some, _now, _frames);
                _leases.RemoveAll(each => each.Group == some);
                break;
            case 1 when some is not null:
                _live.DeclareGroup(some, _random.Next(2) == 0, _now, _frames);
                break;
            case var style when _live.Groups.Count < 6:
                var flags = style switch { 2 => GroupFlags.Log, 3 => GroupFlags.ByKey, _ => GroupFlags.None } | (_random.Next(2) == 0 ? GroupFlags.Declared : 0);
                var id = new byte[16];
                _random.NextBytes(id);
                var added = _live.AddGroup($"g{_names++ % 9}-{_names}", new Guid(id), flags, _random.NextInt64(0, _live.End + 5), _now, _frames);
                added.SetRules(Rules, OrderOf(added), added.ByKey && added.Number % 2 == 0);
                break;
        }
    }

    private void Lease()
    {
        if (Some(group => !group.IsLog) is not { } group)
            return;
        if (group.Main!.WantsTraits(_live.End, out var from, out var count))
            group.Main.Offer(from, Enumerable.Range(0, count).Select(i => TraitsAt(from + i)).ToArray());
        var leases = new List<GrantedLease>();
        var terms = new LeaseTerms($"c{_random.Next(3)}", _random.Next(1, 12), _now, _now + _random.Next(20, 300), 1);
        _live.Lease(group, terms, _live.End, group.RedrivenLane.End, _frames, leases);
        _leases.AddRange(leases.Select(lease => (group, lease)));
    }

    private void Settle()
    {
        for (var left = _random.Next(1, 8); left > 0 && _leases.Count > 0; left--)
        {
            var at = _random.Next(3) == 0 ? _random.Next(_leases.Count) : 0;
            var (group, granted) = _leases[at];
            var lease = new LeaseId(Identity.Partition, granted.Lane, granted.Epoch, granted.Offset, granted.Delivery);
            switch (_random.Next(12))
            {
                case < 6:
                    _live.Acknowledge(group, lease, _now, _frames);
                    _leases.RemoveAt(at);
                    break;
                case < 9:
                    _live.Refuse(group, lease, _now + _random.Next(0, 200), _now, _frames);
                    break;
                case < 11:
                    _live.Extend(group, lease, _now + _random.Next(20, 500), _now, _frames);
                    break;
                default:
                    _live.AcknowledgeUpTo(group, granted.Offset, _now, _frames);
                    break;
            }
        }
    }

    private void MoveCursor()
    {
        if (Some(_ => true) is not { } group)
            return;
        if (group.IsLog && _random.Next(4) != 0)
            _live.Commit(group, _random.NextInt64(_live.Start, _live.End + 3), group.Committed!.Generation + _random.Next(-1, 2), _now, _frames);
        else if (_random.Next(4) == 0)
            _live.Seek(group, _random.NextInt64(0, _live.End + 3), _now, _frames);
    }

    private void Bury()
    {
        if (Some(group => !group.IsLog) is not { } group)
            return;
        Seal();
        foreach (var (lane, cursor) in new[] { (Lane.Main, group.Main!), (Lane.RedrivenOf(group.Number), group.Redriven!) })
        {
            var offsets = new List<long>();
            cursor.SelectExhausted(_random.Next(1, 5), offsets);
            var moves = offsets.Where(offset => offset >= _live.Start || lane != Lane.Main)
                .Select(offset => new DeadLetterMove(lane, offset, _records[(lane, offset)], Partition.MaxDeliveriesReason, 3)).ToList();
            if (moves.Count > 0)
                _live.MoveToDeadLetters(group, moves, _now, _frames);
        }
    }

    private void Redrive()
    {
        if (Some(group => group.DeadLetters.Count > 0) is not { } group)
            return;
        Seal();
        var moves = group.DeadLetters.Items.Where(_ => _random.Next(2) == 0)
            .Select(item => _records[(Lane.DeadLettersOf(group.Number), item.Offset)])
            .Select(record => new RedriveMove(record.Offset, record, _random.Next(2) == 0 ? record : null)).ToList();
        if (moves.Count > 0)
            _live.MoveToRedriven(group, moves, _now, _frames);
    }

    private void Discard()
    {
        if (Some(group => group.DeadLetters.Count > 0) is { } group)
            _live.Discard(group, [_random.NextInt64(0, group.DeadLetters.End + 1), group.DeadLetters.Start], _now, _frames);
    }

    private PartitionGroup? Some(Func<PartitionGroup, bool> which)
    {
        var groups = _live.Groups.Where(which).ToList();
        return groups.Count == 0 ? null : groups[_random.Next(groups.Count)];
    }

    /// <summary>Writes what was decided, and looks at it as a reader would.</summary>
    private void Seal()
    {
        var bytes = _frames.Seal().ToArray();
        _live.SealedAt(_frames.BasePosition + bytes.Length);
        _log.AddRange(bytes);
        _frames.Reset(_log.Count);
        for (ReadOnlyMemory<byte> rest = bytes; !rest.IsEmpty;)
        {
            Assert.True(FrameHeader.TryRead(rest.Span, out var header));
            Note(header, rest.Slice(FrameHeader.Size, header.PayloadLength));
            rest = rest[header.TotalLength..];
        }

        if (_random.Next(8) == 0)
            _snapshots.Add((_log.Count, State.Bytes(_live.Save)));
    }

    private static bool ComesFromHalf(ReadOnlyMemory<byte> payload)
    {
        foreach (var record in RecordBatch.ReadExactly(payload).Records())
            if (record.Headers.TryGetLast(LaneHeaders.MovedFrom, out var from))
                return from.Value.Span[0] == '2';
        return false;
    }

    private void Note(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        if (header.Kind == FrameKind.Batch)
        {
            if (header.Flags.HasFlag(FrameFlags.Moved))
                Happened.Add(header.Lane != Lane.Main ? "rolled" : ComesFromHalf(payload) ? "committed" : "due");
            Happened.Add(header.Lane == Lane.Main ? "main" : header.Lane == Lane.Scheduled ? "scheduled" : header.Lane == Lane.Half ? "half" : Lane.IsDeadLetters(header.Lane) ? "dead letters" : "redriven");
            foreach (var record in RecordBatch.ReadExactly(payload).Records())
                _records[(header.Lane, record.Offset)] = record;
            return;
        }

        var entries = payload.Span;
        if (entries.IsEmpty)
            Happened.Add("sequence");
        while (!entries.IsEmpty)
        {
            Assert.True(EntryCodec.TryRead(ref entries, out var entry));
            Happened.Add(entry.Kind.ToString());
        }
    }
}

using OrleansMq.Core.Cursors;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Transactions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>A random life of a partition: what it decided, the bytes of its log, and snapshots taken on the way.</summary>
internal sealed partial class PartitionHistory
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

    /// <summary>What follows from the clock is not logged: it is caught up with first.</summary>
    private string Saved(Partition partition)
    {
        foreach (var group in partition.Groups)
            group.SetRules(Rules, OrderOf(group), group.ByKey && group.Number % 2 == 0, filter: FilterOf(group));
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
                if (Some(group => group.ByKey) is { } leaving && _live.Growths is [.., var grown] && _live.HoldsKeysOf(leaving, grown.Partitions - 1) is { } held)
                    _live.LetKeysGo(leaving, held, _now, _frames);
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

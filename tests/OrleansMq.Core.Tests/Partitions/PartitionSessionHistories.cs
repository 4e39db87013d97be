using System.Globalization;
using System.Text;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>
/// Random lives of a group that folds its messages into states: whatever is refused, lapses, dies, is redriven, and however often all is read back from the log or a snapshot, the state that is
/// there is the fold of what was acknowledged, each once.
/// </summary>
public sealed class PartitionSessionHistories
{
    private static readonly LogIdentity Log = new(7, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 1);
    private static readonly PartitionLimits Limits = new() { TokenCount = 100, TokenAgeMs = 10_000 };
    private static readonly Redelivery Rules = new(1_000, 0, 5);

    private readonly FrameBuffer _frames = new(Log, 1);
    private readonly List<byte> _log = [];
    private readonly Dictionary<(int Lane, long Offset), RecordView> _records = [];
    private readonly List<(GrantedLease Lease, string State, long Version)> _held = [];
    private readonly Dictionary<string, string> _folded = [];
    private readonly HashSet<string> _happened = [];
    private Random _random = new(0);
    private Partition _partition = new(Log, Limits, 0);
    private (long Position, byte[] State)? _snapshot;
    private long _now = 1;

    private PartitionGroup Group => _partition.FindGroup(1)!;

    [Fact]
    public void TheStateIsTheFoldOfWhatWasAcknowledged()
    {
        for (var seed = 1; seed <= 60; seed++)
        {
            var one = new PartitionSessionHistories { _random = new Random(seed) };
            one.Live(600);
            _happened.UnionWith(one._happened);
        }

        // Else it would promise less than it says.
        Assert.Equal(["cleared", "from a snapshot", "from the log", "lapsed", "moved", "redriven", "refused", "set"], _happened.Order(StringComparer.Ordinal));
    }

    private void Live(int steps)
    {
        _partition.AddGroup("g", Guid.NewGuid(), GroupFlags.ByKey, 0, _now, _frames);
        SetRules();
        for (var i = 0; i < steps; i++)
        {
            _now += _random.Next(3);
            Step();
            foreach (var (key, state) in _folded)
                Assert.Equal(state, StateOf(Encoding.UTF8.GetBytes(key)).State);
        }
    }

    private void Step()
    {
        switch (_random.Next(20))
        {
            case < 4:
                Append();
                break;
            case < 9:
                Receive();
                break;
            case < 14 when _held.Count > 0:
                Acknowledge();
                break;
            case 14 when _held.Count > 0:
                Refuse();
                break;
            case 15 when _held.Count > 0:
                Bury();
                break;
            case 16:
                Redrive();
                break;
            case 17:
                Seal();
                break;
            case 18 when _random.Next(3) == 0:
                Reopen();
                break;
        }
    }

    private void Append()
    {
        var builder = new RecordBatchBuilder(256);
        for (var left = _random.Next(1, 4); left > 0; left--)
            builder.Append(_now, Encoding.UTF8.GetBytes("k" + _random.Next(4).ToString(CultureInfo.InvariantCulture)), true, default, true);
        _partition.Append(new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), null, null), null, _now, _frames);
        Seal();
    }

    private void Receive()
    {
        if (Group.Main!.Lapse(_now) + Group.Redriven!.Lapse(_now) > 0)
            _happened.Add("lapsed");
        while (Group.Main.WantsTraits(_partition.End, out var from, out var count))
            Group.Main.Offer(from, [.. Enumerable.Range(0, count).Select(i => new MessageTraits(KeyHash.Of(_records[(Lane.Main, from + i)].Key.Span), 0, 1, 4))]);
        var leases = new List<GrantedLease>();
        _partition.Lease(Group, new LeaseTerms("c", _random.Next(1, 4), _now, _now + _random.Next(5, 60), 1), _partition.End, Group.RedrivenLane.End, _frames, leases);
        foreach (var lease in leases)
        {
            var (state, version) = StateOf(KeyOf(lease));
            _held.Add((lease, state, version));
        }
    }

    private void Acknowledge()
    {
        var (lease, state, version) = TakeHeld();
        var key = KeyOf(lease);
        var next = _random.Next(8) == 0 ? "" : state + $"{lease.Lane}:{lease.Offset} ";
        var code = _partition.Acknowledge(Group, IdOf(lease), new SessionWrite(key, next.Length == 0 ? new ReadOnlyMemory<byte>?() : Encoding.UTF8.GetBytes(next)), version, PartitionLineage.Of(8), _now, _frames);
        if (code == ErrorCodes.SessionMoved)
        {
            _happened.Add("moved");
            Assert.NotEqual(StateOf(key).Version, version);
        }
        else if (code is null)
        {
            _happened.Add(next.Length == 0 ? "cleared" : "set");
            // What the handler saw is what was there: nothing that was acknowledged meanwhile is passed over.
            Assert.Equal(_folded.GetValueOrDefault(Encoding.UTF8.GetString(key), ""), state);
            _folded[Encoding.UTF8.GetString(key)] = next;
        }
    }

    private void Refuse()
    {
        if (_partition.Refuse(Group, IdOf(TakeHeld().Lease), _now + _random.Next(10), _now, _frames) is null)
            _happened.Add("refused");
    }

    private void Bury()
    {
        var lease = TakeHeld().Lease;
        if (Partition.Check(Group, IdOf(lease), _now) is null)
            _partition.MoveToDeadLetters(Group, [new DeadLetterMove(lease.Lane, lease.Offset, _records[(lease.Lane, lease.Offset)], "poison", 1)], _now, _frames);
        Seal();
    }

    private void Redrive()
    {
        var moves = Group.DeadLetters.Items.Select(item => new RedriveMove(item.Offset, _records[(Lane.DeadLettersOf(1), item.Offset)], null)).ToList();
        if (moves.Count == 0)
            return;
        _happened.Add("redriven");
        _partition.MoveToRedriven(Group, moves, _now, _frames);
        Seal();
    }

    /// <summary>From the log alone, or from the last snapshot and what came behind it. Leases live on.</summary>
    private void Reopen()
    {
        Seal();
        var fromSnapshot = _snapshot is not null && _random.Next(2) == 0;
        _happened.Add(fromSnapshot ? "from a snapshot" : "from the log");
        _partition = fromSnapshot ? Partition.Load(Log, Limits, _snapshot!.Value.State, _snapshot.Value.Position) : new Partition(Log, Limits, 0);
        var bytes = _log.ToArray();
        while (_partition.Position < bytes.Length)
        {
            Assert.Equal(FrameVerdict.Whole, FrameScan.At(bytes.AsSpan((int)_partition.Position), _partition.Position, Log, out var header));
            _partition.Apply(header, bytes.AsMemory((int)_partition.Position + FrameHeader.Size, header.PayloadLength));
        }

        SetRules();
        Group.Main!.ReplayEnded();
    }

    private void Seal()
    {
        var bytes = _frames.Seal().ToArray();
        _partition.SealedAt(_frames.BasePosition + bytes.Length);
        _log.AddRange(bytes);
        _frames.Reset(_log.Count);
        for (ReadOnlyMemory<byte> rest = bytes; !rest.IsEmpty;)
        {
            Assert.True(FrameHeader.TryRead(rest.Span, out var header));
            if (header.Kind == FrameKind.Batch)
                foreach (var record in RecordBatch.ReadExactly(rest.Slice(FrameHeader.Size, header.PayloadLength)).Records())
                    _records[(header.Lane, record.Offset)] = record;
            rest = rest[header.TotalLength..];
        }

        if (_random.Next(6) == 0)
            _snapshot = (_log.Count, State.Bytes(_partition.Save));
    }

    private void SetRules() => Group.SetRules(Rules, DeliveryOrder.OfLane, sessionIdleMs: 20);

    private (GrantedLease Lease, string State, long Version) TakeHeld()
    {
        var at = _random.Next(_held.Count);
        var held = _held[at];
        _held.RemoveAt(at);
        return held;
    }

    private byte[] KeyOf(in GrantedLease lease) => _records[(lease.Lane, lease.Offset)].Key.ToArray();

    private (string State, long Version) StateOf(byte[] key) =>
        Group.Sessions.TryFind(key, out var version, out var state) ? (Encoding.UTF8.GetString(state.Span), version) : ("", 0);

    private static LeaseId IdOf(in GrantedLease lease) => new(Log.Partition, lease.Lane, lease.Epoch, lease.Offset, lease.Delivery);
}

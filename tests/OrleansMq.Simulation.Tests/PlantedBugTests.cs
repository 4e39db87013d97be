using OrleansMq.Conformance.Storage;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>
/// Small bugs of an engine, planted at the seams of the world (the storage port, the clock, the broker's surface): each is found within some seeds. What
/// <see cref="CheckerTests"/> does for each checker this does for the bugs that one fears.
/// </summary>
public sealed class PlantedBugTests
{
    private const int Seeds = 24;

    private static readonly FaultKind[] Crashes = [FaultKind.PowerLoss, FaultKind.PowerLossAtCall];

    [Fact]
    public void AFlushThatIsDroppedNowAndThenIsFound() => Finds(new WrongStorage(log => new DropsFlushes(log)), Crashes, others: true, "lost", "acked", "delayed lost");

    [Fact]
    public void ASettlementThatIsConfirmedBeforeTheFlushIsFound() => Finds(new WrongStorage(log => new ConfirmsEntriesUnflushed(log)), Crashes, others: true, "acked", "cursor", "letter lost", "cancelled", "delayed lost");

    [Fact]
    public void ATornWriteThatIsTakenForWholeIsFound() => Finds(new BelievesWhatIsTorn(), [], others: true, "nowhere", "order", "raw exception", "unhandled", "not served", "false damage");

    [Fact]
    public void ATokenThatIsForgottenOverARestartIsFound() => Finds(new AgesOverARestart(), [FaultKind.CleanRestart, FaultKind.Kill], others: true, "token");

    [Fact]
    public void ASnapshotThatIsNotSavedIsFound() => Finds(new WrongStorage(log => new SavesNoSnapshot(log)), [FaultKind.CleanRestart], others: true, "not served", "false damage");

    /// <summary>It shows in few worlds, one in forty: from where it does.</summary>
    [Fact]
    public void AnAcknowledgementByWhoLostItsLogIsFound() =>
        Finds(new WrongStorage(log => new AcknowledgesWhatItLost(log)), [FaultKind.Takeover], others: true, from: 200, "lost", "acked", "cursor", "letter lost", "by key");

    [Fact]
    public void AMarkerThatIsLostIsFound() => Finds(new WrongStorage(log => new LosesMarkers(log)), Crashes, others: false, "transaction lost", "transaction torn", "committed read", "uncommitted delivered", "stable back");

    [Fact]
    public void AMarkerThatSaysTheOppositeIsFound() => Finds(new WrongStorage(log => new TurnsMarkers(log)), [FaultKind.Kill], others: false, "transaction lost", "transaction torn", "aborted visible");

    [Fact]
    public void ADecisionThatIsNotStoredIsFound() => Finds(new WrongStorage(documents: documents => new StoresDecisionsLate(documents)), [FaultKind.Kill], others: false, "input twice", "input skipped", "transaction torn", "transaction lost", "fence");

    [Fact]
    public void AnAbortThatCommitsIsFound() => Finds(transactions => new EndsOtherwise(transactions, commit: true), "aborted visible");

    [Fact]
    public void ACommitThatAbortsIsFound() => Finds(transactions => new EndsOtherwise(transactions, commit: false), "transaction lost");

    [Fact]
    public void PositionsThatAreLeftOutAreFound() => Finds(transactions => new LeavesPositionsOut(transactions), "input twice");

    [Fact]
    public void AnOpeningThatFencesNobodyIsFound() => Finds(transactions => new FencesNobody(transactions), "input twice", "aborted visible", "transaction torn");

    [Fact]
    public void AReadOfWhatIsNotCommittedIsFound() => Finds(new WrongBroker((broker, _) => new ReadsUncommitted(broker)), [FaultKind.CleanRestart], others: false, "committed read");

    [Fact]
    public void AbortedOnesThatAreNotNamedAreFound() => Finds(new WrongBroker((broker, _) => new NamesNoAborted(broker)), [FaultKind.CleanRestart], others: false, "aborted visible");

    /// <summary>Worlds of the same plan without a bug: what is found in them is the bug's.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WithoutABugNothingIsFound(bool others)
    {
        for (var seed = 1; seed <= 3; seed++)
        {
            Assert.Empty(Simulator.Run(PlanOf(seed, [FaultKind.Kill, FaultKind.CleanRestart, .. Crashes], others), Planted.Nothing).Violations);
            Assert.Empty(Simulator.Run(PlanOf(seed, [FaultKind.Takeover, .. Crashes], others), Planted.Nothing).Violations);
        }
    }

    private static void Finds(Func<ITransactionCoordinator, ITransactionCoordinator> wrap, params string[] checkers) =>
        Finds(new WrongBroker((broker, _) => new WithTransactions(broker, wrap(broker.Transactions!))), [FaultKind.CleanRestart], others: false, checkers);

    private static WorldPlan PlanOf(int seed, FaultKind[] faults, bool others) => WorldPlan.Of(seed) with
    {
        Length = TimeSpan.FromSeconds(12), FaultEvery = TimeSpan.FromSeconds(3), Faults = faults, LostReplies = 0.05, Others = others, Transactions = !others, Growth = false, Ranked = false, Compaction = false, SnapshotBytes = 2_000, SegmentBytes = 4096,
        SharedVolume = faults.Contains(FaultKind.Takeover),
    };

    private static void Finds(Planted planted, FaultKind[] faults, bool others, params string[] checkers) => Finds(planted, faults, others, 1, checkers);

    private static void Finds(Planted planted, FaultKind[] faults, bool others, int from, params string[] checkers)
    {
        var found = new List<string>();
        for (var seed = from; seed < from + Seeds; seed++)
        {
            var violations = Simulator.Run(PlanOf(seed, faults, others), planted).Violations;
            if (violations.Any(violation => checkers.Contains(violation.Checker)))
                return;
            found.AddRange(violations.Take(3).Select(violation => $"seed {seed}: {violation}"));
        }

        Assert.Fail($"None of {string.Join(", ", checkers)} fired; others: {string.Join("\n", found)}");
    }

    /// <summary>Every fifth flush does nothing.</summary>
    private sealed class DropsFlushes(IPartitionLog log) : FlushedBelowSnapshot(log)
    {
        private int _flushes;

        public override ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => base.Append(frames, flush && ++_flushes % 5 != 0);

        public override ValueTask Flush() => ++_flushes % 5 == 0 ? default : base.Flush();
    }

    /// <summary>Says that it is durable when another has the log.</summary>
    private sealed class AcknowledgesWhatItLost(IPartitionLog log) : FlushedBelowSnapshot(log)
    {
        public override ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => Unnoticed(base.Append(frames, flush));

        public override ValueTask Flush() => Unnoticed(base.Flush());

        private static async ValueTask Unnoticed(ValueTask work)
        {
            try
            {
                await work;
            }
            catch (LogFencedException)
            {
                // It is another's.
            }
        }
    }

    /// <summary>Batches are flushed, settlements and what else moves cursors are not.</summary>
    private sealed class ConfirmsEntriesUnflushed(IPartitionLog log) : FlushedBelowSnapshot(log)
    {
        private bool _entriesAlone;

        public override ValueTask Append(ReadOnlyMemory<byte> frames, bool flush)
        {
            _entriesAlone = Frames.In(frames.Span).TrueForAll(frame => frame.Header.Kind == FrameKind.Entries);
            return base.Append(frames, flush && !_entriesAlone);
        }

        public override ValueTask Flush() => _entriesAlone ? default : base.Flush();
    }

    /// <summary>Markers are not flushed, until something else is.</summary>
    private sealed class LosesMarkers(IPartitionLog log) : FlushedBelowSnapshot(log)
    {
        private bool _marker;

        public override ValueTask Append(ReadOnlyMemory<byte> frames, bool flush)
        {
            var bytes = frames;
            _marker = Frames.In(frames.Span).Exists(frame => Frames.IsMarker(bytes, frame.At, frame.Header));
            return base.Append(frames, flush && !_marker);
        }

        public override ValueTask Flush() => _marker ? default : base.Flush();
    }

    /// <summary>Writes a commit's marker as an abort's, and the other way round; what is in memory is right, until the next start.</summary>
    private sealed class TurnsMarkers(IPartitionLog log) : FlushedBelowSnapshot(log)
    {
        public override ValueTask Append(ReadOnlyMemory<byte> frames, bool flush)
        {
            var bytes = frames.ToArray();
            foreach (var (at, header) in Frames.In(bytes))
                if (Frames.IsMarker(bytes, at, header))
                {
                    // The record's key is version and type, 16 bits each; it is the first thing in the record behind seven bytes of its head.
                    var key = bytes.AsSpan(at + FrameHeader.Size + RecordBatch.HeaderSize, header.PayloadLength - RecordBatch.HeaderSize).IndexOf(new byte[] { 8, 0, 0, 0 });
                    bytes[at + FrameHeader.Size + RecordBatch.HeaderSize + key + 4] ^= 1;
                    Frames.Seal(bytes, at, header);
                }

            return base.Append(bytes, flush);
        }
    }

    /// <summary>Where a power loss left a whole header, what it left behind it, zeros or nothing, counts as written: the checksums are made to fit.</summary>
    private sealed class BelievesWhatIsTorn : Planted
    {
        /// <summary>The power goes again and again where there is something to tear.</summary>
        public override void Disk(SimDisk disk)
        {
            var flushes = 0;
            disk.PowerLossWhen = call => call.Operation == "fdatasync" && call.Path.EndsWith(".seg", StringComparison.Ordinal) && ++flushes == 25;
        }

        public override void Crashed(SimDisk disk)
        {
            foreach (var (path, _) in disk.FilesBelow("/data").Where(file => file.Path.EndsWith(".seg", StringComparison.Ordinal)))
                if (Frames.Completed(disk.ContentOf(path)) is { } believed)
                    disk.Place(path, believed);
            Disk(disk);
        }
    }

    private sealed class SavesNoSnapshot(IPartitionLog log) : HandedOnLog(log)
    {
        public override ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state) => default;
    }

    /// <summary>A transaction's document is written when its next one is; who reads it meanwhile gets the new one.</summary>
    private sealed class StoresDecisionsLate(IDocuments documents) : HandedOnDocuments(documents)
    {
        private readonly Dictionary<string, (ReadOnlyMemory<byte> Bytes, long Version)> _late = [];

        public override async ValueTask<Document?> Get(string key) => _late.TryGetValue(key, out var late) ? new Document(late.Bytes, late.Version) : await base.Get(key);

        public override async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
        {
            if (!key.StartsWith("transactions/", StringComparison.Ordinal) || expectedVersion == 0)
                return await base.Put(key, bytes, expectedVersion);
            if (_late.Remove(key, out var late))
                await base.Put(key, late.Bytes, late.Version - 1);
            _late[key] = (bytes.ToArray(), expectedVersion + 1);
            return expectedVersion + 1;
        }
    }

    /// <summary>The clock is eight days further after each start, and tokens are kept for seven.</summary>
    private sealed class AgesOverARestart : Planted
    {
        public override TimeProvider Time(TimeProvider time, int life) => new Ahead(time, TimeSpan.FromDays(8 * life));

        private sealed class Ahead(TimeProvider time, TimeSpan by) : TimeProvider
        {
            public override long TimestampFrequency => time.TimestampFrequency;

            public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;

            public override DateTimeOffset GetUtcNow() => time.GetUtcNow() + by;

            public override long GetTimestamp() => time.GetTimestamp();

            public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => time.CreateTimer(callback, state, dueTime, period);
        }
    }

    private sealed class WithTransactions(IBroker broker, ITransactionCoordinator transactions) : Lying(broker)
    {
        public override ITransactionCoordinator? Transactions => transactions;
    }

    private sealed class EndsOtherwise(ITransactionCoordinator transactions, bool commit) : LyingTransactions(transactions)
    {
        public override ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool said, bool newEpoch, CancellationToken cancel = default) => base.End(id, producer, commit, newEpoch, cancel);
    }

    private sealed class LeavesPositionsOut(ITransactionCoordinator transactions) : LyingTransactions(transactions)
    {
        private int _calls;

        public override ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default) =>
            ++_calls % 3 == 0 ? default : base.AddOffsets(id, producer, group, member, offsets, cancel);
    }

    /// <summary>Whoever opens an id gets the producer that has it.</summary>
    private sealed class FencesNobody(ITransactionCoordinator transactions) : LyingTransactions(transactions)
    {
        private readonly Dictionary<string, ProducerIdentity> _known = [];

        public override async ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default) =>
            _known.TryGetValue(id, out var producer) ? producer : _known[id] = await base.Open(id, TimeSpan.FromMinutes(10), known, cancel);

        public override async ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default) =>
            _known[id] = await base.End(id, producer, commit, newEpoch: false, cancel);
    }

    private sealed class ReadsUncommitted(IBroker broker) : Lying(broker)
    {
        public override ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default) => base.Read(request with { Isolation = Isolation.Uncommitted }, cancel);
    }

    private sealed class NamesNoAborted(IBroker broker) : Lying(broker)
    {
        public override async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
        {
            var result = await base.Read(request, cancel);
            return new ReadResult([.. result.Partitions.Select(read => read with { Aborted = [] })], result);
        }
    }
}

using OrleansMq.Conformance.Storage;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Worlds;
using Xunit;

namespace OrleansMq.Simulation.Tests;

/// <summary>A compacted topic under load and under faults: each key's last message is there, where it was; and a compaction that takes too much is found.</summary>
public sealed class CompactionCheckerTests
{
    private const int Seeds = 12;

    private static WorldPlan PlanOf(int seed) => WorldPlan.Of(seed) with
    {
        Length = TimeSpan.FromSeconds(25), FaultEvery = TimeSpan.FromSeconds(4), LostReplies = 0.05, Others = false, Transactions = false, Growth = false, Ranked = false, Compaction = true, SnapshotBytes = 2_000, SegmentBytes = 4096,
    };

    [Fact]
    public void ATopicIsCompactedUnderLoadAndNoPromiseIsBroken()
    {
        var compacted = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var verdict = Simulator.Run(PlanOf(seed), Planted.Nothing);
            Assert.True(verdict.Violations.Count == 0, $"seed {seed}: {string.Join("\n", verdict.Violations.Take(10))}");
            compacted += verdict.Compacted > 0 ? 1 : 0;
        }

        Assert.True(compacted > Seeds / 2, $"In {compacted} of {Seeds} worlds was something compacted.");
    }

    [Fact]
    public void ACompactionThatTakesTooMuchIsFound()
    {
        for (var seed = 1; seed <= Seeds; seed++)
            if (Simulator.Run(PlanOf(seed), new WrongStorage(log => new TakesTooMuch(log))).Violations.Any(violation => violation.Checker == "compacted lost"))
                return;
        Assert.Fail("Nobody found that messages were gone.");
    }

    /// <summary>Of what is written to take the place of segments one batch is no batch any more.</summary>
    private sealed class TakesTooMuch(IPartitionLog log) : HandedOnLog(log)
    {
        public override async ValueTask<ILogRewriting> Rewrite(long from) => new Rewriting(await base.Rewrite(from));

        private sealed class Rewriting(ILogRewriting rewriting) : ILogRewriting
        {
            public ValueTask Write(ReadOnlyMemory<byte> frames)
            {
                var bytes = frames.ToArray();
                if (Frames.In(bytes).LastOrDefault(frame => frame.Header.Kind == FrameKind.Batch) is { Header.PayloadLength: > 0 } last)
                    (last.Header with { Kind = FrameKind.Gap, PayloadCrc = 0 }).Write(bytes.AsSpan(last.At));
                return rewriting.Write(bytes);
            }

            public ValueTask Seal(long to) => rewriting.Seal(to);

            public ValueTask Place() => rewriting.Place();

            public ValueTask DisposeAsync() => rewriting.DisposeAsync();
        }
    }
}

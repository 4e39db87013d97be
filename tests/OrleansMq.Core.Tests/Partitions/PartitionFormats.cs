using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Snapshots;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>A partition's snapshot never changes its form; a new one gets a new version.</summary>
public sealed class PartitionFormats
{
    private static readonly LogIdentity Log = new(0x1122334455667788, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 2);
    private static readonly PartitionLimits Limits = new() { TokenCount = 10, TokenAgeMs = 1000 };

    /// <summary>Version 2, without sections; version 1 ended where the sections begin.</summary>
    private const string Golden = """
        02 0100000000000000 0300000000000000 EE03000000000000 0300000000000000 03000000
          02 FFFFFFFFFFFFFFFF 01000000 0500000000000000 03000000 E903000000000000 01000000 00000000 03000000 0000000000000000 03000000
          01 0000000000000000 03000000
            CABD1BCA128197CA4DDC239AB331C2FA 0000000000000000 E903000000000000
            4A59390016E8233E34B1E164654F8933 0100000000000000 E903000000000000
            E27A50A9032C7D2EA5856835B5F5EC65 0200000000000000 E903000000000000
        02000000
          01000000 00000000000000000000000000000001 0100 71 04
            01 0300000000000000 0100000000000000 00000000 00000000 00000000 00000000
            01 0000000000000000 0000000000000000 00000000 00000000 00000000 00000000
            0200000000000000 01000000 0100000000000000 1802000000000000
            0100000000000000 01000000 0000000000000000 C803000000000000
          02000000 00000000000000000000000000000002 0100 6C 01
            01 0200000000000000 01000000 0000000000000000
            0000000000000000 00000000
            0000000000000000 00000000
        00000000
        """;

    /// <summary>Three messages: the first was removed, the others died in the queue and one of them was redriven; the log style group is behind the second.</summary>
    private static Partition Sample()
    {
        var frames = new FrameBuffer(Log, 1);
        var partition = new Partition(Log, Limits, 0);
        var queue = partition.AddGroup("q", Guid.Parse("00000000-0000-0000-0000-000000000001"), GroupFlags.Declared, 0, 1000, frames);
        var log = partition.AddGroup("l", Guid.Parse("00000000-0000-0000-0000-000000000002"), GroupFlags.Log, 0, 1000, frames);
        var builder = new RecordBatchBuilder(64);
        foreach (var token in new[] { "a", "b", "c" })
            builder.Append(1000, default, false, "value"u8, true, [RecordHeader.OfText(ReservedHeaders.Token, token)]);
        var batch = RecordBatch.ReadExactly(builder.ToArray());
        partition.Append(new AdmissibleBatch(batch, new ProducerSequence(5, 3, 0), [TokenHash.Of("a"), TokenHash.Of("b"), TokenHash.Of("c")]), 10, 1001, frames);
        partition.Lease(queue, new LeaseTerms("me", 3, 1002, 1500, 1), 3, 0, frames, []);
        var records = new List<RecordView>();
        foreach (var record in batch.Records())
            records.Add(record);
        partition.MoveToDeadLetters(queue, [new DeadLetterMove(Lane.Main, 1, records[1], "max-deliveries", 1), new DeadLetterMove(Lane.Main, 2, records[2], "max-deliveries", 1)], 1003, frames);
        partition.MoveToRedriven(queue, [new RedriveMove(0, records[1], null)], 1004, frames);
        partition.Commit(log, 2, 1, 1005, frames);
        partition.MoveStart(1, 1006, frames);
        partition.SealedAt(frames.Seal().Length);
        return partition;
    }

    [Fact]
    public void APartitionIsSavedAsDrawn() => Assert.Equal(State.Hex(Golden), State.Of(Sample().Save));

    [Fact]
    public void APartitionIsReadAsDrawn()
    {
        var loaded = Load(Convert.FromHexString(State.Hex(Golden)));

        Assert.Equal((1, 3, 1006, 3), (loaded.Start, loaded.End, loaded.ClockMs, loaded.Admitted));
        Assert.Equal(SequenceDecision.Duplicate, loaded.Producers.Decide(new ProducerSequence(5, 3, 0), 3, out _));
        Assert.True(loaded.Tokens.TryFind(TokenHash.Of("c"), 1006, out var offset) && offset == 2);
        var (queue, log) = (loaded.FindGroup(1)!, loaded.FindGroup("l")!);
        Assert.Equal(("q", true, false, 3, 1), (queue.Name, queue.Declared, queue.IsLog, queue.Floor, queue.DeadLetters.Count));
        Assert.Equal((1, 2, 0, 1), (queue.DeadLetters.Start, queue.DeadLetters.End, queue.RedrivenLane.Start, queue.RedrivenLane.End));
        Assert.Equal((2, true, 2, 1), (log.Number, log.IsLog, log.Floor, log.Committed!.Generation));
        Assert.Equal(State.Hex(Golden), State.Of(loaded.Save));
    }

    [Fact]
    public void VersionOneIsReadAsVersionTwoWithoutSections()
    {
        var golden = State.Hex(Golden);

        Assert.Equal(golden, State.Of(Load(Convert.FromHexString("01" + golden[2..^8])).Save));
    }

    [Fact]
    public void UntilWhenAnEphemeralGroupIsKeptIsASection()
    {
        var (sample, frames) = (Sample(), new FrameBuffer(Log, 1));
        sample.Keep(sample.FindGroup("q")!, 1234, 1006, frames);
        var golden = State.Hex(Golden)[..^8] + State.Hex("01000000  07 10000000  01000000  01000000 D204000000000000");

        Assert.Equal(golden, State.Of(sample.Save));
        var loaded = Load(Convert.FromHexString(golden));
        Assert.Equal((1234, null), (loaded.FindGroup("q")!.KeptUntilMs, loaded.FindGroup("l")!.KeptUntilMs));
        loaded.Keep(loaded.FindGroup("q")!, null, 1006, frames);
        Assert.Equal(State.Hex(Golden), State.Of(loaded.Save));
    }

    [Fact]
    public void TheNumberOfAGroupIsNotGivenAgainAfterLoading()
    {
        var (sample, frames) = (Sample(), new FrameBuffer(Log, 1));
        sample.RemoveGroup(sample.FindGroup("l")!, 1007, frames);

        Assert.Equal(3, Load(State.Bytes(sample.Save)).AddGroup("new", Guid.NewGuid(), GroupFlags.None, 0, 1008, frames).Number);
    }

    [Fact]
    public void EveryTruncationIsRefused()
    {
        var bytes = State.Bytes(Sample().Save);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<StateFormatException>(() => Load(bytes.AsSpan(0, length)));
    }

    [Fact]
    public void EveryChangedByteIsRefusedOrReadAsSomeState()
    {
        var bytes = State.Bytes(Sample().Save);
        for (var at = 0; at < bytes.Length; at++)
            foreach (var value in new byte[] { 0, 1, 2, 0x7F, 0x80, 0xFF })
            {
                var changed = bytes.ToArray();
                changed[at] = value;
                if (Record.Exception(() => Load(changed)) is { } thrown and not StateFormatException)
                    Assert.Fail($"byte {at} = {value}: {thrown}");
            }
    }

    private static Partition Load(ReadOnlySpan<byte> bytes) => Partition.Load(Log, Limits, bytes, 0);
}

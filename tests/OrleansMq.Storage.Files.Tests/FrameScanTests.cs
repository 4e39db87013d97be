using System.Buffers.Binary;
using OrleansMq.Core.Log;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Storage.Files.Tests;

public sealed class FrameScanTests
{
    private static readonly LogIdentity Log = new(42, Guid.Parse("aaaaaaaa-0000-0000-0000-000000000001"), 3);

    [Fact]
    public void CleanLogIsWalkedToItsEnd()
    {
        var bytes = Frames(10, 333, _ => 0);
        var seen = new List<long>();

        var tail = Walk(bytes, visit: (in FrameHeader header, ReadOnlySpan<byte> _) => seen.Add(header.Position));

        Assert.Equal(new LogTail(LogTailKind.Clean, bytes.Length, 10, 0), tail);
        Assert.Equal(Enumerable.Range(0, 10).Select(n => n * 448L), seen);
    }

    [Fact]
    public void EveryTruncationIsATornTail()
    {
        var bytes = Frames(3, 50, n => n * 168);
        for (var length = 0; length < bytes.Length; length++)
        {
            var whole = length / 168;
            var expected = length % 168 == 0 ? LogTailKind.Clean : LogTailKind.Torn;
            Assert.Equal(new LogTail(expected, whole * 168, whole, length - whole * 168), Walk(bytes[..length]));
        }
    }

    [Fact]
    public void EveryChangedByteIsFound()
    {
        var bytes = Frames(3, 51, _ => 0);
        for (var at = 168; at < 336; at++)
        {
            var changed = (byte[])bytes.Clone();
            changed[at] ^= 0x10;
            Assert.Equal(new LogTail(LogTailKind.Torn, 168, 1, 336), Walk(changed));
        }
    }

    [Fact]
    public void BadPlaceThatALaterFrameKnewDurableIsDamage()
    {
        // The third frame knew only the first to be durable, the fourth knew the second.
        var bytes = Frames(4, 50, n => n == 3 ? 336 : 168);
        bytes[200] ^= 1;

        Assert.Equal(LogTailKind.Torn, Walk(bytes[..(3 * 168)]).Kind);
        Assert.Equal(new LogTail(LogTailKind.Damaged, 168, 1, 504), Walk(bytes));
    }

    [Fact]
    public void ProofIsFoundAcrossManyMegabytes()
    {
        var big = Frames(4, 3 << 20, n => n * 100);
        big[FrameHeader.Size + 5] ^= 1;

        Assert.Equal(LogTailKind.Damaged, Walk(big).Kind);
    }

    [Fact]
    public void BadPlaceBelowTheNewestSegmentIsDamage()
    {
        var bytes = Frames(4, 50, _ => 0);
        bytes[200] ^= 1;

        Assert.Equal(LogTailKind.Damaged, Walk(bytes, lastSegment: 336).Kind);
    }

    [Theory]
    [InlineData(43UL, 3, 0)]
    [InlineData(42UL, 4, 0)]
    [InlineData(42UL, 3, 8)]
    public void ValidFrameOfAnotherPlaceIsBad(ulong incarnation, int partition, long position)
    {
        var frame = FrameBytes.Entries(new LogIdentity(incarnation, Log.TopicId, partition), position, 0, 50);

        Assert.Equal(FrameVerdict.Bad, FrameScan.At(frame, 0, Log, out _));
    }

    [Fact]
    public void ZerosAreATornTail()
    {
        byte[] bytes = [.. Frames(2, 50, _ => 0), .. new byte[100_000]];

        Assert.Equal(new LogTail(LogTailKind.Torn, 336, 2, 100_000), Walk(bytes));
    }

    [Fact]
    public void BatchRepeatsItsHeader()
    {
        var (header, batch) = Batch();
        Assert.True(FrameCheck.Payload(header, batch));

        Assert.False(FrameCheck.Payload(header with { BaseOffset = 6 }, batch));
        Assert.False(FrameCheck.Payload(header with { Epoch = 10 }, batch));
        Assert.False(FrameCheck.Payload(header with { PayloadCrc = 1 }, batch));
        Assert.False(FrameCheck.Payload(header, batch.AsSpan(0, batch.Length - 1)));
        Assert.False(FrameCheck.Payload(header with { Kind = (FrameKind)9 }, batch));
        for (var at = 0; at < batch.Length; at++)
        {
            var changed = (byte[])batch.Clone();
            changed[at] ^= 1;
            Assert.False(FrameCheck.Payload(header, changed), $"byte {at}");
        }
    }

    private static (FrameHeader Header, byte[] Batch) Batch()
    {
        var batch = new byte[90];
        new Random(1).NextBytes(batch);
        BinaryPrimitives.WriteInt64BigEndian(batch, 5);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(8), batch.Length - 12);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(12), 9);
        batch[16] = 2;
        var crc = Crc32C.Compute(batch.AsSpan(21));
        BinaryPrimitives.WriteUInt32BigEndian(batch.AsSpan(17), crc);
        return (new FrameHeader
        {
            Kind = FrameKind.Batch,
            PayloadLength = batch.Length,
            PayloadCrc = crc,
            Partition = Log.Partition,
            Incarnation = Log.Incarnation,
            TopicId = Log.TopicId,
            Position = 0,
            DurablePosition = 0,
            BaseOffset = 5,
            AppendedAt = 0,
            Epoch = 9,
        }, batch);
    }

    private static byte[] Frames(int count, int payloadLength, Func<int, long> durable)
    {
        var bytes = new List<byte>();
        for (var n = 0; n < count; n++)
            bytes.AddRange(FrameBytes.Entries(Log, bytes.Count, durable(n), payloadLength));
        return [.. bytes];
    }

    /// <summary>Through a reader that gives odd pieces.</summary>
    private static LogTail Walk(byte[] bytes, long lastSegment = 0, FrameScan.Visit? visit = null) => FrameScan.Walk(
        (position, destination) =>
        {
            var count = (int)Math.Min(Math.Min(destination.Length, 70_001), bytes.Length - position);
            bytes.AsSpan((int)position, count).CopyTo(destination);
            return count;
        },
        0, bytes.Length, lastSegment, Log, visit);
}

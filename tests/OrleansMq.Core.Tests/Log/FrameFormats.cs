using System.Buffers;
using OrleansMq.Core.Log;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Log;

/// <summary>Frames as they stand on disk never change.</summary>
public sealed class FrameFormats
{
    private static readonly LogIdentity Log = new(0x1122334455667788, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"), 2);

    private const string Header = """
        4F4D4631 8ADC14E9 E9030000 D4C3B2A1
        01 01 0300 02000000
        8877665544332211 33221100554477668899AABBCCDDEEFF
        0807060504030201 0000060504030201 4D00000000000000 0068E5CF8B010000
        09000000 0D000000
        0500000000000000 0300 0000 28000000 0C000000 00000000
        """;

    private const string BatchFrame = """
        4F4D4631 FDDDBFCC 55000000 D0BD698F
        01 01 0100 02000000
        8877665544332211 33221100554477668899AABBCCDDEEFF
        0010000000000000 0008000000000000 0600000000000000 D204000000000000
        09000000 00000000
        0500000000000000 0300 0000 28000000 02000000 00000000
          0000000000000006 00000049 00000009 02 8F69BDD0
          0000 00000000 00000000000003E8 00000000000003E8
          FFFFFFFFFFFFFFFF FFFF FFFFFFFF 00000001
          2E000000026B0A76616C756502106D712D746F6B656E0274
          000000
        """;

    private const string EntriesFrame = """
        4F4D4631 0A8C52A6 19000000 50F740A7
        01 02 0000 02000000
        8877665544332211 33221100554477668899AABBCCDDEEFF
        0010000000000000 0008000000000000 1400000000000000 D404000000000000
        09000000 00000000
        FFFFFFFFFFFFFFFF FFFF 0000 FFFFFFFF 00000000 00000000
          090104 0601000403 0601000901 0602000A01 0A03 0602000B01
          00000000000000
        """;

    private const string SequenceFrame = """
        4F4D4631 1548ACD2 00000000 00000000
        01 02 0000 02000000
        8877665544332211 33221100554477668899AABBCCDDEEFF
        0010000000000000 0008000000000000 1400000000000000 D204000000000000
        09000000 00000000
        0500000000000000 0300 0000 28000000 02000000 00000000
        """;

    private static readonly FrameHeader Sample = new()
    {
        Kind = FrameKind.Batch,
        Flags = FrameFlags.Rich | FrameFlags.Admitted,
        PayloadLength = 1001,
        PayloadCrc = 0xA1B2C3D4,
        Partition = Log.Partition,
        Incarnation = Log.Incarnation,
        TopicId = Log.TopicId,
        Position = 0x0102030405060708,
        DurablePosition = 0x0102030405060000,
        BaseOffset = 77,
        AppendedAt = 1_700_000_000_000,
        Epoch = 9,
        Lane = 13,
        ProducerId = 5,
        ProducerEpoch = 3,
        BaseSequence = 40,
        SequenceCount = 12,
    };

    [Fact]
    public void AHeaderIsWrittenAndReadAsDrawn()
    {
        var bytes = new byte[FrameHeader.Size];
        Sample.Write(bytes);

        Assert.Equal(State.Hex(Header), Convert.ToHexString(bytes));
        Assert.True(FrameHeader.TryRead(bytes, out var read));
        Assert.Equal(Sample, read);
        Assert.Equal((1120, Sample.Position + 1120), (read.TotalLength, read.NextPosition));
    }

    [Fact]
    public void AHeaderWithAnyBitTurnedIsNone()
    {
        var bytes = new byte[FrameHeader.Size];
        Sample.Write(bytes);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(FrameHeader.TryRead(bytes, out _), $"Bit {bit} was turned and nobody saw it.");
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
    }

    [Fact]
    public void ABatchIsFramedAsDrawn()
    {
        var frames = Buffer();
        var batch = new RecordBatchBuilder(64);
        batch.Append(1000, "k"u8, true, "value"u8, true, [RecordHeader.OfText("mq-token", "t")]);

        frames.AddBatch(batch.Build().Span, Lane.Main, FrameFlags.Rich, 6, new ProducerSequence(5, 3, 40), 2, 1234);

        var bytes = frames.Seal().Span;
        Assert.Equal(State.Hex(BatchFrame), Convert.ToHexString(bytes));
        Assert.Equal(FrameVerdict.Whole, FrameScan.At(bytes, 4096, Log, out _));
    }

    /// <summary>Entries that follow one another share a frame, and settlements of neighbours an entry.</summary>
    [Fact]
    public void EntriesAreFramedAsDrawn()
    {
        var frames = Buffer();
        frames.AddEntry(new Entry { Kind = EntryKind.Sought, Group = 1, Offset = 4 }, 20, 1234);
        frames.AddEntry(Settled(1, 4, 1), 20, 1235);
        frames.AddEntry(Settled(1, 5, 2), 20, 1236);
        frames.AddEntry(Settled(1, 9, 1), 20, 1236);
        frames.AddEntry(Settled(2, 10, 1), 20, 1236);
        frames.AddEntry(new Entry { Kind = EntryKind.StartMoved, Offset = 3 }, 20, 1236);
        frames.AddEntry(Settled(2, 11, 1), 20, 1236);

        Assert.False(frames.IsEmpty);
        Assert.Equal(State.Hex(EntriesFrame), Convert.ToHexString(frames.Seal().Span));
    }

    [Fact]
    public void ASequenceAloneIsFramedAsDrawn()
    {
        var frames = Buffer();

        frames.AddSequence(new ProducerSequence(5, 3, 40), 2, 20, 1234);

        Assert.Equal(State.Hex(SequenceFrame), Convert.ToHexString(frames.Seal().Span));
    }

    [Fact]
    public void FramesStandOneAfterAnotherInTheOrderInWhichTheyWereAdded()
    {
        var frames = Buffer();
        var batch = new RecordBatchBuilder(64);
        batch.Append(1000, default, false, "value"u8, true);
        frames.AddEntry(Settled(1, 4, 1), 20, 1234);
        frames.AddBatch(batch.Build().Span, Lane.Main, FrameFlags.None, 20, null, 1, 1235);
        frames.AddSequence(new ProducerSequence(5, 3, 40), 2, 21, 1236);
        frames.AddEntry(Settled(1, 5, 1), 21, 1237);

        var headers = new List<FrameHeader>();
        var bytes = frames.Seal();
        var tail = FrameScan.Walk((position, to) => Copy(bytes, position, to), 4096, 4096 + bytes.Length, 0, Log, (in FrameHeader header, ReadOnlySpan<byte> _) => headers.Add(header));

        Assert.Equal((LogTailKind.Clean, 4L), (tail.Kind, tail.Frames));
        Assert.Equal(frames.Close(), tail.Position);
        Assert.Equal([(FrameKind.Entries, 20, 1234), (FrameKind.Batch, 20, 1235), (FrameKind.Entries, 21, 1236), (FrameKind.Entries, 21, 1237)],
            headers.Select(header => (header.Kind, header.BaseOffset, header.AppendedAt)));
    }

    private static int Copy(ReadOnlyMemory<byte> bytes, long position, Span<byte> to)
    {
        var from = bytes.Span[(int)(position - 4096)..];
        from = from[..Math.Min(from.Length, to.Length)];
        from.CopyTo(to);
        return from.Length;
    }

    /// <summary>There is one for each open partition, and most have little to write.</summary>
    [Fact]
    public void SpaceForMuchIsGivenBackWhereLittleFollows()
    {
        var frames = Buffer();
        Assert.InRange(Space(), 1, 4 << 10);
        frames.AddBatch(new byte[1 << 20], 0, FrameFlags.None, 0, null, 0, 0);
        frames.Reset(8192);
        Assert.True(Space() > 1 << 20);

        for (var i = 0; i < 64; i++)
            frames.Reset(8192);

        Assert.InRange(Space(), 1, 4 << 10);

        int Space() => ((IBufferWriter<byte>)frames).GetMemory(0).Length;
    }

    private static Entry Settled(int group, long offset, int count) => new() { Kind = EntryKind.Settled, Group = group, Offset = offset, Count = count };

    private static FrameBuffer Buffer()
    {
        var frames = new FrameBuffer(Log, 9) { DurablePosition = 2048 };
        frames.Reset(4096);
        return frames;
    }
}

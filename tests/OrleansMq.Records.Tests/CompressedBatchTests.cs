namespace OrleansMq.Records.Tests;

public class CompressedBatchTests
{
    [Fact]
    public void GzippedBatchOpensToThePlainOne()
    {
        byte[] plain = Batches.Golden();
        RecordBatch packed = RecordBatch.ReadExactly(Batches.Gzipped(plain));

        Assert.Equal((BatchFault.None, CompressionCodec.Gzip), (packed.Check(), packed.Codec));
        Assert.True(packed.TryValidateRecords(1000, out _));
        Assert.Equal(plain, packed.Decompress(1000).Memory.ToArray());
        Assert.Equal([1000L, 1001, 1002], packed.Records().ToList().Select(r => r.Offset));
    }

    [Fact]
    public void PlainBatchOpensToItself()
    {
        byte[] plain = Batches.Golden();
        Assert.True(RecordBatch.ReadExactly(plain).Decompress(0).Memory.Equals(plain.AsMemory()));
    }

    [Fact]
    public void BoundIsExact()
    {
        byte[] plain = Batches.OfValues(100, 100);
        RecordBatch packed = RecordBatch.ReadExactly(Batches.Gzipped(plain));
        int records = plain.Length - RecordBatch.HeaderSize;

        Assert.True(packed.TryValidateRecords(records, out _));
        Assert.False(packed.TryValidateRecords(records - 1, out BatchFault fault));
        Assert.Equal(BatchFault.TooLarge, fault);
        Assert.Equal(BatchFault.TooLarge, Assert.Throws<MalformedBatchException>(() => packed.Decompress(records - 1)).Fault);
        Assert.Equal(BatchFault.TooLarge, Assert.Throws<MalformedBatchException>(() => packed.Records(0)).Fault);
    }

    [Fact]
    public void BombIsRefusedWithinTheMemoryAllowed()
    {
        byte[] bomb = Batches.WithCodec(Batches.Golden(), 1, Batches.Gzip(new byte[64 << 20]));
        Assert.InRange(bomb.Length, 1, 100_000);
        const int Allowed = 1 << 20;

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(RecordBatch.ReadExactly(bomb).TryValidateRecords(Allowed, out BatchFault fault));
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(BatchFault.TooLarge, fault);
        Assert.InRange(allocated, 1, 3 * Allowed);
    }

    [Fact]
    public void SmallBatchTakesLittleMemoryHoweverMuchIsAllowed()
    {
        RecordBatch packed = RecordBatch.ReadExactly(Batches.Gzipped(Batches.Golden()));
        packed.Decompress(int.MaxValue);

        long before = GC.GetAllocatedBytesForCurrentThread();
        packed.Decompress(int.MaxValue);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 64 * 1024);
    }

    [Fact]
    public void DamagedGzipIsNamedAndNeverThrowsAnythingElse()
    {
        byte[] whole = Batches.Gzipped(Batches.Golden());
        byte[] packed = whole[RecordBatch.HeaderSize..];
        for (int at = 0; at < packed.Length; at++)
        {
            AssertConsistent(Batches.WithRecords(whole, packed.AsSpan(0, at)));
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] bytes = [.. packed];
                bytes[at] ^= (byte)(1 << bit);
                AssertConsistent(Batches.WithRecords(whole, bytes));
            }
        }

        Assert.False(RecordBatch.ReadExactly(Batches.WithRecords(whole, "not gzip at all"u8)).TryValidateRecords(1000, out BatchFault fault));
        Assert.Equal(BatchFault.Records, fault);
    }

    [Theory]
    [InlineData(CompressionCodec.Snappy)]
    [InlineData(CompressionCodec.Lz4)]
    [InlineData(CompressionCodec.Zstd)]
    public void CodecThatCannotBeOpenedIsCarriedAndNamed(CompressionCodec codec)
    {
        RecordBatch batch = RecordBatch.ReadExactly(Batches.WithCodec(Batches.Golden(), (int)codec, [1, 2, 3]));

        Assert.Equal((BatchFault.None, codec), (batch.Check(), batch.Codec));
        Assert.False(batch.TryValidateRecords(1000, out BatchFault fault));
        Assert.Equal(BatchFault.Codec, fault);
        Assert.Equal(codec, Assert.Throws<CodecUnavailableException>(() => batch.Decompress(1000)).Codec);
        Assert.Throws<CodecUnavailableException>(() => batch.Records());
    }

    private static void AssertConsistent(byte[] bytes)
    {
        RecordBatch batch = RecordBatch.ReadExactly(bytes);
        bool isSound = batch.TryValidateRecords(1 << 20, out BatchFault fault);
        Assert.True(isSound || fault is BatchFault.Records or BatchFault.TooLarge);
        Assert.True(!isSound || Batches.CanBeWalked(batch));
    }
}

namespace OrleansMq.Records.Tests;

public class DamagedBatchTests
{
    // -1, 0 and 1 as varints, a longer one, one cut short, the largest and smallest int, and more than an int holds.
    private static readonly byte[][] Substitutes =
    [
        [0x00], [0x01], [0x02], [0x03], [0x7E], [0x7F], [0x80], [0xFF], [0x80, 0x01],
        [0xFE, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    ];

    [Fact]
    public void EveryTruncationIsIncompleteAndNeverABatch()
    {
        byte[] whole = Batches.Golden();
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Equal(BatchReadStatus.Incomplete, RecordBatch.TryRead(whole.AsMemory(0, length), out RecordBatch batch));
            Assert.True(batch.Memory.IsEmpty);
            Assert.Equal(BatchFault.Length, batch.Check());
        }
    }

    [Fact]
    public void EveryTruncationWhoseLengthAndCrcWereMadeToFitIsFound()
    {
        byte[] whole = Batches.Golden();
        for (int length = RecordBatch.HeaderSize; length < whole.Length; length++)
            AssertRefused(Batches.WithRecords(whole, whole.AsSpan(RecordBatch.HeaderSize..length)));
    }

    [Fact]
    public void EveryChangeOfOneByteIsFoundExceptWhereThePartitionWrites()
    {
        byte[] whole = Batches.Golden();
        for (int at = 0; at < whole.Length; at++)
            for (int flip = 1; flip < 256; flip++)
            {
                byte[] bytes = [.. whole];
                bytes[at] ^= (byte)flip;
                bool isSound = RecordBatch.TryRead(bytes, out RecordBatch batch) == BatchReadStatus.Done && batch.Check() == BatchFault.None;
                bool isPlace = at is < Batches.LengthAt or >= 12 and < Batches.MagicAt;
                Assert.True(isSound == isPlace, $"byte {at} changed by {flip}");
            }
    }

    [Theory]
    [InlineData(0, BatchReadStatus.Malformed)]
    [InlineData(1, BatchReadStatus.Malformed)]
    [InlineData(-1, BatchReadStatus.Malformed)]
    [InlineData(int.MinValue, BatchReadStatus.Malformed)]
    [InlineData(48, BatchReadStatus.Malformed)]
    [InlineData(49, BatchReadStatus.Done)]
    [InlineData(95, BatchReadStatus.Done)]
    [InlineData(96, BatchReadStatus.Incomplete)]
    [InlineData(int.MaxValue, BatchReadStatus.Incomplete)]
    public void BatchLengthDecidesTheFrame(int length, BatchReadStatus expected)
    {
        byte[] bytes = Batches.WithInt32(Batches.Golden(), Batches.LengthAt, length);
        Assert.Equal(expected, RecordBatch.TryRead(bytes, out _));
    }

    [Theory]
    [InlineData(Batches.CountAt, 0)]
    [InlineData(Batches.CountAt, 1)]
    [InlineData(Batches.CountAt, -1)]
    [InlineData(Batches.CountAt, 4)]
    [InlineData(Batches.CountAt, int.MaxValue)]
    [InlineData(Batches.CountAt, int.MinValue)]
    [InlineData(Batches.LastOffsetDeltaAt, 0)]
    [InlineData(Batches.LastOffsetDeltaAt, 1)]
    [InlineData(Batches.LastOffsetDeltaAt, -1)]
    [InlineData(Batches.LastOffsetDeltaAt, int.MaxValue)]
    [InlineData(Batches.LastOffsetDeltaAt, int.MinValue)]
    public void CountThatDoesNotFitTheLastOffsetIsFound(int at, int value)
    {
        RecordBatch batch = RecordBatch.ReadExactly(Batches.Resealed(Batches.WithInt32(Batches.Golden(), at, value)));
        Assert.Equal(BatchFault.Count, batch.Check());
        Assert.False(batch.TryValidateRecords(0, out BatchFault fault));
        Assert.Equal(BatchFault.Count, fault);
        Batches.CanBeWalked(batch);
    }

    [Fact]
    public void HugeCountThatAgreesWithItselfCostsNothingAndIsFound()
    {
        byte[] bytes = Batches.WithInt32(Batches.Golden(), Batches.CountAt, int.MaxValue);
        RecordBatch batch = RecordBatch.ReadExactly(Batches.Resealed(Batches.WithInt32(bytes, Batches.LastOffsetDeltaAt, int.MaxValue - 1)));

        Assert.Equal(BatchFault.None, batch.Check());
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(batch.TryValidateRecords(0, out BatchFault fault));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024);
        Assert.Equal(BatchFault.Records, fault);
        Assert.False(Batches.CanBeWalked(batch));
    }

    [Theory]
    [InlineData(0)] // record length
    [InlineData(4)] // key length
    [InlineData(6)] // value length
    [InlineData(12)] // header count
    [InlineData(13)] // header's key length
    [InlineData(32)] // header's value length
    public void EveryLengthFieldOfARecordIsHeldAgainstTheBytesLeft(int at)
    {
        byte[] whole = Batches.Golden();
        byte[] records = whole[RecordBatch.HeaderSize..];
        foreach (int value in new[] { 0, 1, -1, -2, int.MaxValue, int.MinValue, 63, 107 })
        {
            byte[] varint = new byte[Varint.MaxIntSize];
            int size = Varint.Write(varint, value);
            if (varint[0] != records[at] || size != 1)
                AssertRefused(Batches.WithRecords(whole, [.. records[..at], .. varint[..size], .. records[(at + 1)..]]));
        }
    }

    [Theory]
    [InlineData(15)] // a header's null value
    [InlineData(20)] // a null key
    [InlineData(21)] // a null value
    public void OnlyMinusOneIsNull(int at)
    {
        byte[] bytes = Batches.Golden();
        Assert.Equal(0x01, bytes[RecordBatch.HeaderSize + at]);
        bytes[RecordBatch.HeaderSize + at] = 0x03; // -2
        AssertRefused(Batches.Resealed(bytes));
    }

    [Fact]
    public void HeaderCountThatARecordHasNoRoomForIsFoundBeforeItIsBelieved()
    {
        byte[] bytes = Batches.Golden();
        bytes[RecordBatch.HeaderSize + 12] = 0x04; // 2 headers in 3 bytes
        Assert.Throws<MalformedBatchException>(() => RecordBatch.ReadExactly(Batches.Resealed(bytes)).Records().ToList());
    }

    [Theory]
    [InlineData(0x01)] // -1
    [InlineData(0x06)] // 3, where the batch ends with 2
    public void RecordOutsideItsBatchsOffsetsIsNeverHandedOut(byte delta)
    {
        byte[] bytes = Batches.Golden();
        bytes[RecordBatch.HeaderSize + 3] = delta;
        AssertRefused(Batches.Resealed(bytes));
        Assert.False(Batches.CanBeWalked(RecordBatch.ReadExactly(bytes)));
    }

    [Fact]
    public void NoSubstitutionAnywhereInTheRecordsThrowsAnythingElse()
    {
        byte[] whole = Batches.Golden();
        byte[] records = whole[RecordBatch.HeaderSize..];
        for (int at = 0; at < records.Length; at++)
            foreach (byte[] substitute in Substitutes)
            {
                AssertConsistent(Batches.WithRecords(whole, [.. records[..at], .. substitute, .. records[(at + 1)..]]));
                AssertConsistent(Batches.WithRecords(whole, [.. records[..at], .. substitute, .. records[at..]]));
            }
    }

    /// <summary>MQ_FUZZ_FRAMES=10000000 is the long run.</summary>
    [Fact]
    public void RandomRecordsNeverThrowAnythingElse()
    {
        byte[] whole = Batches.Golden();
        int seeds = int.TryParse(Environment.GetEnvironmentVariable("MQ_FUZZ_FRAMES"), out int many) ? many : 20_000;
        for (int seed = 0; seed < seeds; seed++)
        {
            var random = new Random(seed);
            byte[] records = new byte[random.Next(60)];
            for (int i = 0; i < records.Length; i++)
                records[i] = (byte)(random.Next(4) == 0 ? random.Next(256) : random.Next(24));
            AssertConsistent(Batches.WithRecords(whole, records));
        }
    }

    [Fact]
    public void TrailingBytesAreFound()
    {
        byte[] whole = Batches.Golden();
        AssertRefused(Batches.WithRecords(whole, [.. whole.AsSpan(RecordBatch.HeaderSize), 0]));
    }

    [Fact]
    public void OffsetsOutOfOrderAreFound()
    {
        byte[] whole = Batches.Golden();
        byte[] records = whole[RecordBatch.HeaderSize..];
        records[3] = 0x04; // the first record's delta: 2 instead of 0
        RecordBatch batch = RecordBatch.ReadExactly(Batches.WithRecords(whole, records));
        Assert.False(batch.TryValidateRecords(0, out BatchFault fault));
        Assert.Equal(BatchFault.Records, fault);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(0xFF)]
    public void OtherMagicIsNamed(byte magic)
    {
        byte[] bytes = Batches.Golden();
        bytes[Batches.MagicAt] = magic;
        Assert.Equal(BatchFault.Magic, RecordBatch.ReadExactly(bytes).Check());
    }

    [Theory]
    [InlineData(0x0005)]
    [InlineData(0x0007)]
    [InlineData(0x0040)]
    [InlineData(0x8000)]
    public void UnknownAttributesAreNamed(int attributes)
    {
        byte[] bytes = Batches.Golden();
        (bytes[Batches.AttributesAt], bytes[Batches.AttributesAt + 1]) = ((byte)(attributes >> 8), (byte)attributes);
        Assert.Equal(BatchFault.Attributes, RecordBatch.ReadExactly(Batches.Resealed(bytes)).Check());
    }

    private static void AssertRefused(byte[] bytes)
    {
        RecordBatch batch = RecordBatch.ReadExactly(bytes);
        Assert.Equal(BatchFault.None, batch.Check());
        Assert.False(batch.TryValidateRecords(1 << 20, out BatchFault fault));
        Assert.Equal(BatchFault.Records, fault);
        AssertConsistent(bytes);
    }

    /// <summary>What validates can be walked, and walking what does not ends in the one exception (any other fails the test).</summary>
    private static void AssertConsistent(byte[] bytes)
    {
        RecordBatch batch = RecordBatch.ReadExactly(bytes);
        bool isSound = batch.TryValidateRecords(1 << 20, out _);
        bool canBeWalked = Batches.CanBeWalked(batch);
        Assert.True(!isSound || canBeWalked);
    }
}

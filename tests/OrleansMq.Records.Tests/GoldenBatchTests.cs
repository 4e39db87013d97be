namespace OrleansMq.Records.Tests;

public class GoldenBatchTests
{
    [Fact]
    public void BuiltBatchHasKafkasBytes() => Assert.Equal(
        Convert.ToHexString(Batches.Golden()),
        Convert.ToHexString(Batches.GoldenBuilder().ToArray(1000, leaderEpoch: 7, producerId: 42, producerEpoch: 3, baseSequence: 11)));

    [Fact]
    public void EveryHeaderFieldIsRead()
    {
        RecordBatch batch = RecordBatch.ReadExactly(Batches.Golden());

        Assert.Equal(BatchFault.None, batch.Check());
        Assert.Equal(107, batch.Length);
        Assert.Equal((1000L, 1002L, 2), (batch.BaseOffset, batch.LastOffset, batch.LastOffsetDelta));
        Assert.Equal((7, (byte)2, 0x5FCF7266u), (batch.PartitionLeaderEpoch, batch.Magic, batch.Crc));
        Assert.Equal(((short)0x10, CompressionCodec.None), (batch.Attributes, batch.Codec));
        Assert.Equal((true, false, false), (batch.IsTransactional, batch.IsControl, batch.IsAppendTime));
        Assert.Equal((1_700_000_000_000, 1_700_000_000_300), (batch.BaseTimestamp, batch.MaxTimestamp));
        Assert.Equal((42L, (short)3, 11, 3), (batch.ProducerId, batch.ProducerEpoch, batch.BaseSequence, batch.Count));
    }

    [Fact]
    public void EveryRecordIsReadWithNullAndEmptyToldApart()
    {
        RecordBatch batch = RecordBatch.ReadExactly(Batches.Golden());
        Assert.True(batch.TryValidateRecords(0, out _));

        List<RecordView> records = batch.Records().ToList();

        Assert.Equal([1000L, 1001, 1002], records.Select(r => r.Offset));
        Assert.Equal([1_700_000_000_000L, 1_699_999_999_995, 1_700_000_000_300], records.Select(r => r.Timestamp));
        Assert.Equal([(true, true), (false, false), (true, true)], records.Select(r => (r.HasKey, r.HasValue)));
        Assert.Equal("k"u8, records[0].Key.Span);
        Assert.Equal("hello"u8, records[0].Value.Span);
        Assert.All(records.Skip(1), r => Assert.True(r.Key.IsEmpty && r.Value.IsEmpty));
    }

    [Fact]
    public void EveryHeaderIsRead()
    {
        List<RecordView> records = RecordBatch.ReadExactly(Batches.Golden()).Records().ToList();

        Assert.Equal([1, 2, 0], records.Select(r => r.Headers.Count));
        RecordHeader withoutValue = Assert.Single(records[0].Headers.ToList());
        Assert.Equal(("h", true, 0), (withoutValue.Key, withoutValue.IsNull, withoutValue.Value.Length));
        Assert.Equal(["mq-token", "e"], records[1].Headers.ToList().Select(h => h.Key));
        Assert.All(records[1].Headers.ToList(), h => Assert.False(h.IsNull));
        Assert.True(records[1].Headers.TryGetLast(ReservedHeaders.TokenUtf8, out RecordHeader token));
        Assert.Equal("t1"u8, token.Value.Span);
        Assert.False(records[1].Headers.TryGetLast("absent"u8, out _));
    }

    [Fact]
    public void AppendTimeReplacesEachRecordsOwn()
    {
        byte[] bytes = Batches.Golden();
        bytes[Batches.AttributesAt + 1] |= 0x08;
        RecordBatch batch = RecordBatch.ReadExactly(Batches.Resealed(bytes));

        Assert.Equal(BatchFault.None, batch.Check());
        Assert.All(batch.Records().ToList(), r => Assert.Equal(1_700_000_000_300, r.Timestamp));
    }

    [Fact]
    public void TransactionMarkerHasKafkasBytesAndComesBack()
    {
        var builder = new RecordBatchBuilder(0);
        new TransactionMarker(TransactionOutcome.Commit, 5).AppendTo(builder, 1000);
        RecordBatch batch = RecordBatch.ReadExactly(builder.ToArray());

        Assert.Equal((BatchFault.None, true, true), (batch.Check(), batch.IsControl, batch.IsTransactional));
        RecordView record = Assert.Single(batch.Records().ToList());
        Assert.Equal("00000001", Convert.ToHexString(record.Key.Span));
        Assert.Equal("000000000005", Convert.ToHexString(record.Value.Span));
        Assert.True(TransactionMarker.TryRead(record, out TransactionMarker marker));
        Assert.Equal(new TransactionMarker(TransactionOutcome.Commit, 5), marker);
    }

    [Fact]
    public void RecordThatIsNoMarkerIsToldApart()
    {
        RecordView message = RecordBatch.ReadExactly(Batches.Golden()).Records().ToList()[0];
        Assert.False(TransactionMarker.TryRead(message, out _));
    }
}

namespace OrleansMq.Records.Tests;

public class RecordBatchBuilderTests
{
    [Fact]
    public void WhatIsAppendedComesBackForAnySeed()
    {
        var builder = new RecordBatchBuilder(64);
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            builder.Reset();
            List<Message> sent = Enumerable.Range(0, random.Next(1, 60)).Select(_ => Message.Any(random)).ToList();
            foreach (Message message in sent)
                builder.Append(message.Timestamp, message.Key, message.Key is not null, message.Value, message.Value is not null, message.Headers);

            int expectedBytes = builder.ByteCount;
            RecordBatch batch = RecordBatch.ReadExactly(builder.Build(seed * 1000L));

            Assert.Equal(expectedBytes, batch.Length);
            Assert.Equal(BatchFault.None, batch.Check());
            Assert.True(batch.TryValidateRecords(0, out BatchFault fault), $"seed {seed}: {fault}");
            Assert.Equal(sent.Max(m => m.Timestamp), batch.MaxTimestamp);
            List<RecordView> received = batch.Records().ToList();
            Assert.Equal(sent.Count, received.Count);
            for (int i = 0; i < sent.Count; i++)
                sent[i].AssertIs(received[i], seed * 1000L + i);
        }
    }

    [Fact]
    public void CopiedRecordsKeepEverythingButTheirOffsets()
    {
        var random = new Random(7);
        var source = new RecordBatchBuilder(64);
        List<Message> sent = Enumerable.Range(0, 40).Select(_ => Message.Any(random)).ToList();
        foreach (Message message in sent)
            source.Append(message.Timestamp, message.Key, message.Key is not null, message.Value, message.Value is not null, message.Headers);

        var filtered = new RecordBatchBuilder(64);
        foreach (RecordView record in RecordBatch.ReadExactly(source.Build(500)).Records())
            if (record.Offset % 2 == 0)
                filtered.Append(record);
        RecordBatch batch = RecordBatch.ReadExactly(filtered.Build(9000));

        Assert.Equal(BatchFault.None, batch.Check());
        Assert.True(batch.TryValidateRecords(0, out _));
        List<RecordView> kept = batch.Records().ToList();
        Assert.Equal(20, kept.Count);
        for (int i = 0; i < kept.Count; i++)
            sent[2 * i].AssertIs(kept[i], 9000 + i);
    }

    [Fact]
    public void CompactedBatchKeepsItsOffsetsAndIsNotTakenForADenseOne()
    {
        var compacted = new RecordBatchBuilder(64);
        RecordView[] records = [.. RecordBatch.ReadExactly(Batches.Golden()).Records().ToList()];
        compacted.AppendAt(1, records[1]);
        compacted.ExtendTo(2);
        RecordBatch batch = RecordBatch.ReadExactly(compacted.Build(1000));

        Assert.Equal((1, 1002), (batch.Count, batch.LastOffset));
        Assert.Equal(1001, Assert.Single(batch.Records().ToList()).Offset);
        Assert.Equal(BatchFault.None, batch.Check(BatchShape.Sparse));
        Assert.True(batch.TryValidateRecords(0, out _, BatchShape.Sparse));
        Assert.Equal(BatchFault.Count, batch.Check());
        Assert.Throws<ArgumentOutOfRangeException>(() => compacted.AppendAt(2, records[2]));
    }

    [Fact]
    public void BatchWithAllRecordsCompactedAwayStillHoldsItsOffsetsAndSequences()
    {
        RecordBatchBuilder compacted = Batches.GoldenBuilder();
        compacted.Reset();
        compacted.ExtendTo(9);
        RecordBatch batch = RecordBatch.ReadExactly(compacted.Build(50, producerId: 4, producerEpoch: 0, baseSequence: 30));

        Assert.Equal((0, 59, 30), (batch.Count, batch.LastOffset, batch.BaseSequence));
        Assert.Equal((-1, -1), (batch.BaseTimestamp, batch.MaxTimestamp));
        Assert.Equal(BatchFault.None, batch.Check(BatchShape.Sparse));
        Assert.True(batch.TryValidateRecords(0, out _, BatchShape.Sparse));
        Assert.Empty(batch.Records().ToList());
    }

    [Fact]
    public void BatchWithoutRecordsIsNotBuilt()
    {
        var builder = new RecordBatchBuilder(0);
        Assert.Equal(RecordBatch.HeaderSize, builder.ByteCount);
        Assert.Throws<InvalidOperationException>(() => builder.Build());
    }

    [Fact]
    public void ResetForgetsTheBatchBefore()
    {
        RecordBatchBuilder builder = Batches.GoldenBuilder();
        builder.Build(producerId: 9, producerEpoch: 1, baseSequence: 2);
        builder.Reset();
        builder.Append(5, default, false, "v"u8, true);

        var fresh = new RecordBatchBuilder(0);
        fresh.Append(5, default, false, "v"u8, true);
        Assert.Equal(fresh.ToArray(), builder.ToArray());
    }

    [Fact]
    public void HundredMessagesOfHundredBytesCostAtMostTheBudget()
    {
        int bytes = Batches.OfValues(100, 100).Length;

        // 100 of value, 2 + 2 of lengths, 1 to 2 of each delta, 3 of attributes, null key and header count.
        Assert.InRange(bytes, RecordBatch.HeaderSize + 100 * 100, RecordBatch.HeaderSize + 100 * 110);
        Assert.True(bytes / 100.0 < 115, $"{bytes / 100.0} bytes a message");
    }

    [Fact]
    public void BuildingCheckingAndWalkingAllocateNothingOnceWarm()
    {
        var builder = new RecordBatchBuilder(64 * 1024);
        byte[] value = new byte[100];
        RecordHeader[] headers = [RecordHeader.OfText("mq-token", "t")];
        long total = Pass();

        long before = GC.GetAllocatedBytesForCurrentThread();
        total += Pass();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(0, allocated);
        Assert.Equal(2 * 100 * (100 + 1), total);

        long Pass()
        {
            builder.Reset();
            for (int i = 0; i < 100; i++)
                builder.Append(i, default, false, value, true, headers);
            RecordBatch.TryRead(builder.Build(), out RecordBatch batch);
            long sum = batch.Check() == BatchFault.None && batch.TryValidateRecords(0, out _) ? 0 : -1;
            foreach (RecordView record in batch.Records())
            {
                sum += record.Value.Length;
                foreach (RecordHeader header in record.Headers)
                    sum += header.Value.Length;
            }

            return sum;
        }
    }

    [Fact]
    public void PlaceKeepsTheCrcAndStampTakesItAnew()
    {
        byte[] bytes = Batches.Golden();

        RecordBatch.Place(bytes, 77, 8);
        RecordBatch placed = RecordBatch.ReadExactly(bytes);
        Assert.Equal((77, 8, 0x5FCF7266u), (placed.BaseOffset, placed.PartitionLeaderEpoch, placed.Crc));
        Assert.Equal(BatchFault.None, placed.Check());

        RecordBatch.Stamp(bytes, 1234567890123, 6, 99);
        RecordBatch stamped = RecordBatch.ReadExactly(bytes);
        Assert.Equal((1234567890123, 6, 99), (stamped.ProducerId, stamped.ProducerEpoch, stamped.BaseSequence));
        Assert.NotEqual(0x5FCF7266u, stamped.Crc);
        Assert.Equal(BatchFault.None, stamped.Check());
        Assert.Throws<ArgumentException>(() => RecordBatch.Stamp(bytes.AsSpan(1), 0, 0, 0));
        Assert.Throws<ArgumentException>(() => RecordBatch.Place(bytes.AsSpan(0, 60), 0, 0));
    }
}

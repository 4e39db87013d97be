namespace OrleansMq.Records.Tests;

public class RecordBatchReaderTests
{
    private static readonly byte[] Three = [.. Batches.OfValues(2, 10), .. Batches.Golden(), .. Batches.OfValues(5, 1, 1003)];

    [Fact]
    public void EveryBatchIsFoundInOrder()
    {
        var reader = new RecordBatchReader(Three);
        var counts = new List<int>();
        while (reader.MoveNext())
        {
            Assert.Equal(BatchFault.None, reader.Current.Check());
            counts.Add(reader.Current.Count);
        }

        Assert.Equal([2, 3, 5], counts);
        Assert.Equal((BatchReadStatus.Done, Three.Length), (reader.Status, reader.Consumed));
        Assert.False(reader.MoveNext());
    }

    [Fact]
    public void NothingHoldsNoBatch()
    {
        var reader = new RecordBatchReader(default);
        Assert.False(reader.MoveNext());
        Assert.Equal((BatchReadStatus.Done, 0), (reader.Status, reader.Consumed));
    }

    [Fact]
    public void TornTailIsToldFromDamageAndWhereItBegins()
    {
        int whole = Three.Length - Batches.OfValues(5, 1).Length;
        var torn = new RecordBatchReader(Three.AsMemory(0, Three.Length - 1));
        Assert.Equal(2, Walk(ref torn));
        Assert.Equal((BatchReadStatus.Incomplete, whole), (torn.Status, torn.Consumed));

        var damaged = new RecordBatchReader(Batches.WithInt32(Three, whole + Batches.LengthAt, -1));
        Assert.Equal(2, Walk(ref damaged));
        Assert.Equal((BatchReadStatus.Malformed, whole), (damaged.Status, damaged.Consumed));
    }

    [Fact]
    public void ForeachWalksToo()
    {
        long records = 0;
        foreach (RecordBatch batch in new RecordBatchReader(Three))
            records += batch.Count;
        Assert.Equal(10, records);
    }

    private static int Walk(ref RecordBatchReader reader)
    {
        int batches = 0;
        while (reader.MoveNext())
            batches++;
        return batches;
    }
}

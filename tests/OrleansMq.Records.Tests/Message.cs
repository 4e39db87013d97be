namespace OrleansMq.Records.Tests;

/// <summary>What a test sends, to hold against what it receives. Null is null.</summary>
internal sealed record Message(long Timestamp, byte[]? Key, byte[]? Value, RecordHeader[] Headers)
{
    public static Message Any(Random random) => new(
        random.Next(20) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : 1_700_000_000_000 + random.Next(-5000, 5000),
        Block(random, 40),
        Block(random, random.Next(10) == 0 ? 20_000 : 200),
        [.. Enumerable.Range(0, random.Next(3) == 0 ? random.Next(5) : 0).Select(_ => Header(random))]);

    public void AssertIs(RecordView record, long offset)
    {
        Assert.Equal((offset, Timestamp), (record.Offset, record.Timestamp));
        Assert.Equal((Key is not null, Value is not null), (record.HasKey, record.HasValue));
        Assert.True(record.Key.Span.SequenceEqual(Key));
        Assert.True(record.Value.Span.SequenceEqual(Value));
        List<RecordHeader> headers = record.Headers.ToList();
        Assert.Equal(Headers.Length, headers.Count);
        foreach ((RecordHeader sent, RecordHeader received) in Headers.Zip(headers))
        {
            Assert.True(sent.KeyUtf8.Span.SequenceEqual(received.KeyUtf8.Span));
            Assert.True(sent.Value.Span.SequenceEqual(received.Value.Span));
            Assert.Equal(sent.IsNull, received.IsNull);
        }
    }

    private static RecordHeader Header(Random random)
    {
        byte[]? value = Block(random, 30);
        return new(Block(random, 10) ?? [], value, value is null);
    }

    private static byte[]? Block(Random random, int maxLength)
    {
        if (random.Next(5) == 0)
            return null;
        byte[] bytes = new byte[random.Next(maxLength + 1)];
        random.NextBytes(bytes);
        return bytes;
    }
}

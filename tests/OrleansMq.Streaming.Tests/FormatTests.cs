using System.Text;
using Orleans.Providers.Streams.Common;
using Xunit;

namespace OrleansMq.Streaming.Tests;

public sealed class FormatTests
{
    [Theory]
    [InlineData("orders", "42", null, "orders/42")]
    [InlineData("orders", "a/b", null, "orders/a/b")]
    [InlineData("eu/orders", "42", null, "eu%2Forders/42")]
    [InlineData("100%", "42", null, "100%25/42")]
    [InlineData(null, "42", null, "42")]
    [InlineData(null, "a/b", null, "/a/b")]
    [InlineData(null, "42", "orders", "/42")]
    [InlineData("orders", "42", "orders", "42")]
    [InlineData("orders", "a/b", "orders", "orders/a/b")]
    public void AStreamIsItsKeyAndTheKeyIsItsStream(string? space, string key, string? standard, string written)
    {
        var keys = new StreamKey(standard);
        var stream = StreamId.Create(space, key);
        Assert.Equal(written, Encoding.UTF8.GetString(keys.Write(stream)));
        Assert.True(keys.TryRead(Encoding.UTF8.GetBytes(written), out var read));
        Assert.Equal((space, key), (read.GetNamespace(), read.GetKeyAsString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("orders/")]
    [InlineData("/")]
    public void AKeyWithoutANameIsNoStream(string key) => Assert.False(new StreamKey(null).TryRead(Encoding.UTF8.GetBytes(key), out _));

    [Fact]
    public void ProgressIsWrittenAsDrawn()
    {
        var progress = new StreamProgress(0x0102, [new StreamPlace("a/b"u8.ToArray(), new Guid("00112233-4455-6677-8899-aabbccddeeff"), 7)]);
        Assert.Equal("01" + "0000000000000102" + "00000001" + "00000003" + "612F62" + "00112233445566778899AABBCCDDEEFF" + "0000000000000007", Convert.ToHexString(progress.Write()));
        var read = StreamProgress.TryRead(progress.Write())!;
        Assert.Equal((progress.Floor, 7L), (read.Floor, read.Low));
        Assert.Equal(progress.Behind[0].Key, read.Behind[0].Key);
        Assert.Equal((progress.Behind[0].Subscription, progress.Behind[0].Offset), (read.Behind[0].Subscription, read.Behind[0].Offset));
    }

    [Fact]
    public void ProgressThatIsCutOrChangedIsNoneOrAnother()
    {
        var bytes = new StreamProgress(5, [new StreamPlace("k"u8.ToArray(), Guid.NewGuid(), 3), new StreamPlace([], Guid.Empty, 1)]).Write();
        for (var length = 0; length < bytes.Length; length++)
            Assert.Null(StreamProgress.TryRead(bytes.AsSpan(0, length)));
        for (var at = 0; at < bytes.Length; at++)
        {
            foreach (var value in (byte[])[0, 1, 0x7F, 0x80, 0xFF])
            {
                var changed = bytes.ToArray();
                changed[at] = value;
                StreamProgress.TryRead(changed);
            }
        }
    }

    [Fact]
    public void ProgressThatIsTooLongForgetsTheFarthestAndSaysLess()
    {
        var bounded = new StreamProgress(100, [.. Enumerable.Range(0, 10).Select(n => new StreamPlace([(byte)n], Guid.Empty, 90 - n))]).Bounded(3);
        Assert.Equal(84, bounded.Floor);
        Assert.Equal([81L, 82, 83], bounded.Behind.Select(place => place.Offset));
    }

    [Fact]
    public void PositionsCompareByPartitionThenOffset()
    {
        Assert.True(new OrleansMqSequenceToken(0, 9) < new OrleansMqSequenceToken(1, 0));
        Assert.True(new OrleansMqSequenceToken(1, 2) > new OrleansMqSequenceToken(1, 1));
        Assert.Equal(new OrleansMqSequenceToken(1, 1) { IdempotencyToken = "a" }, new OrleansMqSequenceToken(1, 1));
        Assert.NotEqual(new OrleansMqSequenceToken(1, 1), new OrleansMqSequenceToken(0, 1));
        Assert.Equal(0, new OrleansMqSequenceToken(3, 7).CompareTo(new EventSequenceTokenV2(7)));
        Assert.Equal(0, new OrleansMqSequenceToken(3, 7).CompareTo(new EventSequenceToken(7)));
    }

    [Fact]
    public void APositionInATopicThatWasMadeAnewIsAnother()
    {
        var (one, other) = (Guid.NewGuid(), Guid.NewGuid());
        Assert.NotEqual(new OrleansMqSequenceToken(0, 5) { TopicId = one, Epoch = 1 }, new OrleansMqSequenceToken(0, 5) { TopicId = other, Epoch = 1 });
        Assert.NotEqual(new OrleansMqSequenceToken(0, 5) { TopicId = one, Epoch = 1 }, new OrleansMqSequenceToken(0, 5) { TopicId = one, Epoch = 2 });
        Assert.Equal(new OrleansMqSequenceToken(0, 5) { TopicId = one, Epoch = 1 }, new OrleansMqSequenceToken(0, 5));
        Assert.True(new OrleansMqSequenceToken(0, 5) { TopicId = one } < new OrleansMqSequenceToken(0, 6) { TopicId = other });
    }
}

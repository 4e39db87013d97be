using OrleansMq.Core.Limits;
using Xunit;

namespace OrleansMq.Core.Tests.Limits;

public sealed class TokenBucketTests
{
    [Fact]
    public void ABurstIsOneSecondsWorth()
    {
        var bucket = new TokenBucket(100, 0);
        Assert.True(bucket.TryTake(100, 0, out _));
        Assert.False(bucket.TryTake(1, 0, out var retryAfterMs));
        Assert.Equal(10, retryAfterMs);
        Assert.True(bucket.TryTake(1, 10, out _));
    }

    [Fact]
    public void ABatchGreaterThanTheBurstLeavesADebt()
    {
        var bucket = new TokenBucket(10, 0);
        Assert.True(bucket.TryTake(50, 0, out _));
        Assert.False(bucket.TryTake(50, 4_999, out var retryAfterMs));
        Assert.Equal(1, retryAfterMs);
        Assert.True(bucket.TryTake(50, 5_000, out _));
    }

    [Fact]
    public void ASlowRateStillLetsOneThrough()
    {
        var bucket = new TokenBucket(0.1, 0);
        Assert.True(bucket.TryTake(1, 0, out _));
        Assert.False(bucket.TryTake(1, 0, out var retryAfterMs));
        Assert.Equal(10_000, retryAfterMs);
    }

    [Fact]
    public void TheRateChangesWhileItRuns()
    {
        var bucket = new TokenBucket(1000, 0);
        bucket.Change(10, 0);
        Assert.True(bucket.TryTake(10, 0, out _));
        Assert.False(bucket.TryTake(1, 0, out _));
    }

    [Fact]
    public void PartOfWhatIsAskedForIsGivenAndWhatIsUnusedComesBack()
    {
        var bucket = new TokenBucket(10, 0);
        Assert.Equal(0, bucket.TakeUpTo(0, 0, out _));
        Assert.Equal(10, bucket.TakeUpTo(15, 0, out _));
        Assert.Equal(0, bucket.TakeUpTo(1, 0, out var retryAfterMs));
        Assert.Equal(100, retryAfterMs);
        bucket.GiveBack(4);
        Assert.Equal(4, bucket.TakeUpTo(15, 0, out _));
    }

    [Theory]
    [InlineData(1, 3.7)]
    [InlineData(2, 999.9)]
    [InlineData(3, 0.013)]
    public void TheTimeNamedSufficesAndTheAverageHolds(int seed, double rate)
    {
        var random = new Random(seed);
        var bucket = new TokenBucket(rate, 0);
        var (now, taken) = (0L, 0L);
        for (var step = 0; step < 5000; step++)
        {
            var n = random.Next(1, 20);
            if (!bucket.TryTake(n, now, out var retryAfterMs))
            {
                now += retryAfterMs;
                Assert.True(bucket.TryTake(n, now, out _));
            }
            taken += n;
        }
        Assert.InRange(taken, 0, now * rate / 1000 + Math.Max(1, rate) + 20);
    }
}

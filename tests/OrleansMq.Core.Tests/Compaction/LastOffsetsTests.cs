using OrleansMq.Core.Compaction;
using Xunit;

namespace OrleansMq.Core.Tests.Compaction;

/// <summary>The table of one pass: each key's last offset, and full when it is.</summary>
public sealed class LastOffsetsTests
{
    [Fact]
    public void AKeyIsBehindWhatStandsBeforeItsLastOffset()
    {
        var last = new LastOffsets(1 << 20);
        for (var offset = 0; offset < 30_000; offset++)
            last.Put(BitConverter.GetBytes(offset % 10_000), offset);

        Assert.Equal(10_000, last.Count);
        Assert.True(last.IsBehind(BitConverter.GetBytes(5), 10_005));
        Assert.False(last.IsBehind(BitConverter.GetBytes(5), 20_005));
        Assert.False(last.IsBehind(BitConverter.GetBytes(5), 20_006));
        Assert.False(last.IsBehind("never seen"u8, 0));
        last.Put(""u8, 0);
        Assert.False(last.IsBehind(""u8, 0));
    }

    [Fact]
    public void ItIsFullBeforeItIsLargerThanItIsToBe()
    {
        var last = new LastOffsets(100_000);
        var keys = 0;
        while (!last.IsFull)
            last.Put(BitConverter.GetBytes(keys++), keys);

        // 4,096 slots of 24 bytes, three quarters full.
        Assert.Equal(3_072, keys);
    }
}

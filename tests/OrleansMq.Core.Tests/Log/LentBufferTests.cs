using OrleansMq.Core.Log;
using Xunit;

namespace OrleansMq.Core.Tests.Log;

public sealed class LentBufferTests
{
    [Fact]
    public void GrowingKeepsWhatItHolds()
    {
        using var buffer = new LentBuffer(100);
        for (byte i = 0; i < 100; i++)
            buffer.Span[i] = i;
        buffer.Grow(1000);
        Assert.Equal(1000, buffer.Length);
        Assert.Equal(Enumerable.Range(0, 100).Select(i => (byte)i), buffer.Span[..100].ToArray());
    }

    /// <summary>The pool gives more; callers count on the length that they asked for.</summary>
    [Fact]
    public void ItIsAsLongAsItWasAskedFor()
    {
        using var buffer = new LentBuffer(100);
        Assert.Equal((100, 100, 100), (buffer.Length, buffer.Span.Length, buffer.Memory.Length));
    }

    [Fact]
    public void GivenBackTwiceItIsGivenBackOnce()
    {
        var buffer = new LentBuffer(12_345);
        buffer.Dispose();
        buffer.Dispose();
        using var one = new LentBuffer(12_345);
        using var other = new LentBuffer(12_345);
        (one.Span[0], other.Span[0]) = (1, 2);
        Assert.Equal((1, 2), (one.Span[0], other.Span[0]));
    }
}

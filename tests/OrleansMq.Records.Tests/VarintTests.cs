namespace OrleansMq.Records.Tests;

public class VarintTests
{
    [Theory]
    [InlineData(0, "00")]
    [InlineData(-1, "01")]
    [InlineData(1, "02")]
    [InlineData(63, "7E")]
    [InlineData(-64, "7F")]
    [InlineData(64, "8001")]
    [InlineData(-65, "8101")]
    [InlineData(8191, "FE7F")]
    [InlineData(8192, "808001")]
    [InlineData(int.MaxValue, "FEFFFFFF0F")]
    [InlineData(int.MinValue, "FFFFFFFF0F")]
    public void IntsHaveTheBytesOfTheSpecification(int value, string hex)
    {
        byte[] buffer = new byte[Varint.MaxIntSize];
        int size = Varint.Write(buffer, value);

        Assert.Equal(hex, Convert.ToHexString(buffer, 0, size));
        Assert.Equal(size, Varint.Size(value));
        Assert.True(Varint.TryRead(buffer.AsSpan(0, size), out int read, out int readSize));
        Assert.Equal((value, size), (read, readSize));
    }

    [Fact]
    public void LongsOfEverySizeComeBackAndNoTruncationIsRead()
    {
        Span<byte> buffer = stackalloc byte[Varint.MaxLongSize];
        for (int bit = 0; bit < 64; bit++)
            foreach (long value in new[] { 1L << bit, (1L << bit) - 1, -(1L << bit), ~(1L << bit) })
            {
                int size = Varint.Write(buffer, value);
                Assert.Equal(size, Varint.Size(value));
                Assert.True(Varint.TryRead(buffer[..size], out long read, out int readSize));
                Assert.Equal((value, size), (read, readSize));
                for (int cut = 0; cut < size; cut++)
                    Assert.False(Varint.TryRead(buffer[..cut], out long _, out _));
            }
    }

    [Theory]
    [InlineData("FFFFFFFF1F")] // a 33rd bit
    [InlineData("FFFFFFFF7F")]
    [InlineData("808080808000")] // a sixth byte
    [InlineData("FFFFFFFFFFFFFFFFFFFF")]
    public void MoreThanAnIntHoldsIsNotRead(string hex) => Assert.False(Varint.TryRead(Convert.FromHexString(hex), out int _, out _));

    [Theory]
    [InlineData("FFFFFFFFFFFFFFFFFF02")] // a 65th bit
    [InlineData("FFFFFFFFFFFFFFFFFF81")]
    [InlineData("8080808080808080808000")] // an eleventh byte
    public void MoreThanALongHoldsIsNotRead(string hex) => Assert.False(Varint.TryRead(Convert.FromHexString(hex), out long _, out _));

    [Fact]
    public void PaddedFormsAreReadAsKafkaReadsThem()
    {
        Assert.True(Varint.TryRead([0x82, 0x80, 0x00], out int value, out int size));
        Assert.Equal((1, 3), (value, size));
    }
}

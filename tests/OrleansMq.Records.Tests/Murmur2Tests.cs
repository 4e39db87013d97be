using System.Text;

namespace OrleansMq.Records.Tests;

public class Murmur2Tests
{
    // The answers of Kafka's own UtilsTest.
    [Theory]
    [InlineData("21", -973932308)]
    [InlineData("foobar", -790332482)]
    [InlineData("a-little-bit-long-string", -985981536)]
    [InlineData("a-little-bit-longer-string", -1486304829)]
    [InlineData("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)]
    [InlineData("abc", 479470107)]
    public void KeysHashAsInKafka(string key, int hash)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(key);
        Assert.Equal(hash, Murmur2.Hash(bytes));
        Assert.Equal((hash & 0x7FFFFFFF) % 12, Murmur2.PartitionFor(bytes, 12));
    }

    [Fact]
    public void EveryKeyHasAPartition()
    {
        Assert.Equal(0, Murmur2.PartitionFor("any"u8, 1));
        Assert.InRange(Murmur2.PartitionFor([], 7), 0, 6);
        Assert.Throws<ArgumentOutOfRangeException>(() => Murmur2.PartitionFor("any"u8, 0));
    }
}

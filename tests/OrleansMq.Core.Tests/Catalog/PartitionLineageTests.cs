using System.Text;
using OrleansMq.Core.Catalog;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Catalog;

public sealed class PartitionLineageTests
{
    private static PartitionLineage Lineage(params int[] counts) => new([.. counts[..^1].Select((count, i) => new EarlierCount(count, i))], counts[^1]);

    [Fact]
    public void APartitionOfTheFirstCountHasNoPredecessor() =>
        Assert.All(Enumerable.Range(0, 4), p => Assert.Null(PartitionLineage.Of(4).PredecessorOf(p)));

    /// <summary>Whatever the key: it was in its partition's predecessor before.</summary>
    [Fact]
    public void EveryKeyComesFromItsPartitionsPredecessor()
    {
        int[] counts = [3, 6, 24, 120];
        var lineage = Lineage(counts);
        for (var n = 0; n < 10_000; n++)
        {
            var key = Encoding.UTF8.GetBytes($"key-{n}");
            var chain = counts.Select(count => Murmur2.PartitionFor(key, count)).Distinct().Reverse().ToList();
            var from = new List<int> { chain[0] };
            while (lineage.PredecessorOf(from[^1]) is { } before)
                from.Add(before);
            Assert.Equal(chain, from);
        }
    }

    [Fact]
    public void AKeyThatOnlyNamedAPartitionWasNotTakenOver()
    {
        int[] counts = [3, 6, 24, 25];
        var lineage = Lineage(counts);
        foreach (var key in Enumerable.Range(0, 1_000).Select(n => Encoding.UTF8.GetBytes($"key-{n}")))
            foreach (var partition in Enumerable.Range(0, 25))
                Assert.Equal(partition is >= 3 and < 24 && Murmur2.PartitionFor(key, partition < 6 ? 6 : 24) == partition, lineage.TookOver(partition, key));
    }

    [Theory]
    [InlineData(3, null)]
    [InlineData(4, 3)]
    [InlineData(6, 3)]
    [InlineData(24, 6)]
    [InlineData(25, 24)]
    public void TheCountBeforeIsTheLastThatWasLess(int partitions, int? before) => Assert.Equal(before, Lineage(3, 6, 24).CountBefore(partitions));

    [Fact]
    public void WhereItIsNoMultipleTheNewOnesHaveNone()
    {
        var lineage = Lineage(2, 4, 5, 10);

        Assert.Equal([null, null, 0, 1, null, 0, 1, 2, 3, 4], Enumerable.Range(0, 10).Select(lineage.PredecessorOf));
    }

    [Fact]
    public void AncestorsAreThoseThatHadTheKeySinceThen()
    {
        var lineage = new PartitionLineage([new(1, 100), new(2, 200), new(4, 300)], 8);

        Assert.Equal([3, 1, 0], lineage.AncestorsSince(7, 0));
        Assert.Equal([3, 1], lineage.AncestorsSince(7, 150));
        Assert.Equal([3], lineage.AncestorsSince(7, 300));
        Assert.Empty(lineage.AncestorsSince(7, 301));
        Assert.Empty(lineage.AncestorsSince(0, 0));
    }
}

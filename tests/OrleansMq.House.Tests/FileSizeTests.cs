namespace OrleansMq.House.Tests;

public class FileSizeTests
{
    private const string Partition = "src/OrleansMq.Core/Log/PartitionState.cs";

    [Fact]
    public void FilesAreShort() => Verdict.Clean(Repository.Sources("src").SelectMany(file => FileSizes.Check(file, FileSizes.Hearts)));

    [Fact]
    public void OnlyThePartitionAndTheConsumerGroupAreHearts()
    {
        Verdict.Clean(FileSizes.CheckHearts(FileSizes.Hearts));
        Assert.All(FileSizes.Hearts, heart => Assert.True(File.Exists(Path.Combine(Repository.Root, heart)), heart));
    }

    [Theory]
    [InlineData(400, 0)]
    [InlineData(401, 1)]
    public void AFileOverTheLimitIsFound(int lines, int found) => Assert.Equal(found, FileSizes.Check(Planted(lines), []).Count());

    [Theory]
    [InlineData(1300, 0)]
    [InlineData(1301, 1)]
    public void AHeartOverItsLimitIsFound(int lines, int found) => Assert.Equal(found, FileSizes.Check(Planted(lines), [Partition]).Count());

    [Fact]
    public void AThirdHeartIsFound()
    {
        Assert.Single(FileSizes.CheckHearts(["src/OrleansMq.Core/Routing/Router.cs"]));
        Assert.Single(FileSizes.CheckHearts([Partition, "src/OrleansMq.Engine/PartitionLoop.cs"]));
    }

    private static SourceFile Planted(int lines) => new(Partition, string.Concat(Enumerable.Repeat("//\n", lines)));
}

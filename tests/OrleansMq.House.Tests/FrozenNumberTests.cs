namespace OrleansMq.House.Tests;

public class FrozenNumberTests
{
    private const string Kinds = """
        namespace OrleansMq.Core.Log;

        /// <summary>Kinds.</summary>
        [Flags]
        // frozen
        public enum Kind : byte
        {
            /// <summary>With a } and a comma, in its remark.</summary>
            Batch = 1,

            [Obsolete("gone")]
            Entries = 0x02, // two
            Flag = 1 << 4,
        }

        public enum Free { A, B }
        """;

    private static readonly string[] KindLines =
        ["# of the log", "OrleansMq.Core.Log.Kind.Batch=1", "OrleansMq.Core.Log.Kind.Entries=2", "", "OrleansMq.Core.Log.Kind.Flag=16"];

    [Fact]
    public void PersistedNumbersStand()
    {
        var sources = Repository.Sources("src", "silo");
        var frozen = Repository.Files("*.txt", "tests/OrleansMq.House.Tests/frozen").SelectMany(path => Repository.Read(path).Split('\n'));

        Verdict.Clean(
        [
            .. FrozenNumbers.Check([.. frozen], [.. sources.SelectMany(FrozenNumbers.Parse)]),
            .. sources.SelectMany(FrozenNumbers.CheckMarks),
        ]);
    }

    [Fact]
    public void AnEnumThatSaysWhatIsFrozenPasses()
    {
        Assert.Empty(Found(Kinds));
        Assert.Empty(FrozenNumbers.CheckMarks(Planted(Kinds)));
    }

    [Theory]
    [InlineData("Batch = 1,", "Batch = 3,", "Batch=1 is frozen")]
    [InlineData("Batch = 1,", "", "Batch=1 is frozen")]
    [InlineData("Batch = 1,", "Batches = 1,", "Batch=1 is frozen")]
    [InlineData("Batch = 1,", "Batch = 1, Added = 3,", "Added=3 is new")]
    [InlineData("Batch = 1,", "Batch = 1, Implied,", "Implied is frozen, and has no plain number")]
    [InlineData("Batch = 1,", "Batch = 1, Again = 1,", "One number, two names")]
    [InlineData("// frozen", "", "Batch=1 is frozen")]
    public void AChangedNumberIsFound(string before, string after, string violation) =>
        Assert.Contains(Found(Kinds.Replace(before, after, StringComparison.Ordinal)), found => found.Contains(violation, StringComparison.Ordinal));

    [Fact]
    public void AMarkWithoutAnEnumIsFound() => Assert.Single(FrozenNumbers.CheckMarks(Planted("// frozen\npublic class Kind { }")));

    private static List<string> Found(string code) => [.. FrozenNumbers.Check(KindLines, [.. FrozenNumbers.Parse(Planted(code))])];

    private static SourceFile Planted(string code) => new("Planted.cs", code);
}

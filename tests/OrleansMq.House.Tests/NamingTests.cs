namespace OrleansMq.House.Tests;

public class NamingTests
{
    [Fact]
    public void NamesSaySomething() => Verdict.Clean(Repository.Sources().Where(file => !IsThisFile(file)).SelectMany(Naming.Check));

    [Theory]
    [InlineData("namespace OrleansMq.Orleans;")]
    [InlineData("namespace OrleansMq.Streaming.Orleans;")]
    [InlineData("public sealed class LeaseManager { }")]
    [InlineData("internal static class PathHelpers { }")]
    [InlineData("class Utils { }")]
    [InlineData("record struct LogUtil(int X);")]
    [InlineData("interface IManager { }")]
    public void AVagueOrShadowingNameIsFound(string code) => Assert.Single(Naming.Check(new SourceFile("src/X/X.cs", code)));

    [Theory]
    [InlineData("namespace OrleansMq.Streaming;")]
    [InlineData("namespace Orleans.Hosting;")]
    [InlineData("// no class Manager here")]
    [InlineData("class Managerial { }")]
    public void AnHonestNamePasses(string code) => Assert.Empty(Naming.Check(new SourceFile("src/X/X.cs", code)));

    [Fact]
    public void AFolderThatShadowsOrleansIsFound() => Assert.Single(Naming.Check(new SourceFile("src/OrleansMq.Orleans/X.cs", "")));

    // Its bad examples are strings, and strings are searched like code.
    private static bool IsThisFile(SourceFile file) => file.Path.EndsWith($"/{nameof(NamingTests)}.cs", StringComparison.Ordinal);
}

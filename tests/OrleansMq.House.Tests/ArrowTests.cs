namespace OrleansMq.House.Tests;

public class ArrowTests
{
    [Fact]
    public void EveryProjectKeepsToTheArrows() => Verdict.Clean(Repository.Projects.SelectMany(Arrows.CheckReferences));

    [Fact]
    public void TheInnerRoomsTakeNoPackages() => Verdict.Clean(Repository.Projects.SelectMany(Arrows.CheckPackages));

    [Theory]
    [InlineData("Directory.Build.props")]
    [InlineData("Directory.Build.targets")]
    public void NoArrowHidesInTheCommonFiles(string path)
    {
        var common = ProjectFile.Parse(path, Repository.Read(path));
        Assert.Empty(common.Arrows);
        Assert.Empty(common.Packages);
    }

    [Fact]
    public void EveryProjectIsInTheSolution()
    {
        var solution = Repository.Read("OrleansMq.sln").Replace('\\', '/');
        Verdict.Clean(Repository.Projects
            .Where(project => !solution.Contains($"\"{project.Path}\"", StringComparison.Ordinal))
            .Select(project => $"{project.Path} is not in OrleansMq.sln, so nothing builds it."));
    }

    [Theory]
    [InlineData("src/OrleansMq.Core/OrleansMq.Core.csproj", "../OrleansMq.Engine/OrleansMq.Engine.csproj")]
    [InlineData("src/OrleansMq.Records/OrleansMq.Records.csproj", "../OrleansMq.Abstractions/OrleansMq.Abstractions.csproj")]
    [InlineData("src/OrleansMq.Gateways.Kafka/OrleansMq.Gateways.Kafka.csproj", "..\\OrleansMq.Gateways.Http\\OrleansMq.Gateways.Http.csproj")]
    [InlineData("src/OrleansMq.Gateways/OrleansMq.Gateways.csproj", "../OrleansMq.Engine/OrleansMq.Engine.csproj")]
    [InlineData("src/OrleansMq.Unheard/OrleansMq.Unheard.csproj", "../OrleansMq.Records/OrleansMq.Records.csproj")]
    [InlineData("src/OrleansMq.Cli/OrleansMq.Cli.csproj", "../../silo/silo.csproj")]
    [InlineData("tests/OrleansMq.Cli.Tests/OrleansMq.Cli.Tests.csproj", "../../silo/silo.csproj")]
    [InlineData("silo/silo.csproj", "../samples/Flights/Flights.csproj")]
    public void AnArrowThatIsNotDrawnIsRefused(string from, string to) =>
        Assert.Single(Arrows.CheckReferences(Planted(from, $"<ProjectReference Include=\"{to}\" />")));

    [Theory]
    [InlineData("src/OrleansMq.Storage.AzureBlobs/OrleansMq.Storage.AzureBlobs.csproj", "../OrleansMq.Engine/OrleansMq.Engine.csproj")]
    [InlineData("src/OrleansMq.Server/OrleansMq.Server.csproj", "../OrleansMq.Client/OrleansMq.Client.csproj")]
    [InlineData("silo/silo.csproj", "../src/OrleansMq.Server/OrleansMq.Server.csproj")]
    [InlineData("tests/OrleansMq.Core.Tests/OrleansMq.Core.Tests.csproj", "../../src/OrleansMq.Core/OrleansMq.Core.csproj")]
    public void AnArrowThatIsDrawnIsAllowed(string from, string to) =>
        Assert.Empty(Arrows.CheckReferences(Planted(from, $"<ProjectReference Include=\"{to}\" />")));

    [Theory]
    [InlineData("<ProjectReference Include=\"../../silo/silo.csproj\" ReferenceOutputAssembly=\"false\" />")]
    [InlineData("<ProjectReference Include=\"../../silo/silo.csproj\"><ReferenceOutputAssembly>false</ReferenceOutputAssembly></ProjectReference>")]
    public void ATestMayStartTheSilo(string reference) =>
        Assert.Empty(Arrows.CheckReferences(Planted("tests/OrleansMq.Cli.Tests/OrleansMq.Cli.Tests.csproj", reference)));

    [Fact]
    public void APackageInAnInnerRoomIsRefused() =>
        Assert.Single(Arrows.CheckPackages(Planted("src/OrleansMq.Core/OrleansMq.Core.csproj", "<PackageReference Include=\"Polly\" />")));

    private static ProjectFile Planted(string path, string item) =>
        ProjectFile.Parse(path, $"<Project><ItemGroup>{item}</ItemGroup></Project>");
}

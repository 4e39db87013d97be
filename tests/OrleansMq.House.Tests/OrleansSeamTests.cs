namespace OrleansMq.House.Tests;

public class OrleansSeamTests
{
    private const string Client = "src/OrleansMq.Client/OrleansMq.Client.csproj";
    private const string Server = "src/OrleansMq.Server/OrleansMq.Server.csproj";
    private const string Sdk = "Microsoft.Orleans.Sdk";

    [Fact]
    public void TheListsAgreeWithTheProjects() => Verdict.Clean(Read(SeamSubject.Orleans).Check(Repository.Projects));

    [Fact]
    public void SoDoTheListsOfBlobs() => Verdict.Clean(Read(SeamSubject.Blobs).Check(Repository.Projects));

    [Fact]
    public void SoDoTheListsOfProviders() => Verdict.Clean(Read(SeamSubject.Providers).Check(Repository.Projects));

    [Fact]
    public void AProviderIsNoQuestionOfOrleansItself()
    {
        Assert.Empty(Seam().Check([Project(Client, packages: "Microsoft.Orleans.Persistence.Redis")]));
        Assert.Single((Seam() with { Subject = SeamSubject.Providers }).Check([Project(Client, packages: "Microsoft.Orleans.Persistence.Redis")]));
    }

    [Fact]
    public void AListedProjectMayUseOrleansAndSiloMayReferToIt() =>
        Assert.Empty(Seam(Client).Check([Project(Client, packages: Sdk), Project("silo/silo.csproj", arrow: "OrleansMq.Client")]));

    [Fact]
    public void AProjectThatUsesOrleansAndIsNotListedIsFound() =>
        Assert.Single(Seam().Check([Project(Client, packages: Sdk)]));

    [Fact]
    public void AProjectThatRefersToAListedOneAndIsNotListedIsFound() =>
        Assert.Single(Seam(Client).Check([Project(Client, packages: Sdk), Project(Server, arrow: "OrleansMq.Client")]));

    [Fact]
    public void AListedProjectThatNeedsNoOrleansIsFound() =>
        Assert.Equal(2, Seam(Client, Server).Check([Project(Client)]).Count());

    [Fact]
    public void APackageThatTheProbeForgetsIsFound() =>
        Assert.Single((Seam() with { Probed = [] }).Check([]));

    [Fact]
    public void TheListIsReadWithoutItsRoot() =>
        Assert.Equal([Client], OrleansSeam.Parse(SeamSubject.Orleans, $"<P><OrleansProject Include=\"$(HouseRoot){Client}\" /></P>", "<P />", "<P />").Listed);

    private static OrleansSeam Read(SeamSubject subject) => OrleansSeam.Parse(
        subject, Repository.Read("eng/orleans/Orleans.props"), Repository.Read(subject.Probe), Repository.Read("Directory.Packages.props"));

    private static OrleansSeam Seam(params string[] listed) => new(SeamSubject.Orleans, listed, [Sdk], [Sdk]);

    private static ProjectFile Project(string path, string? arrow = null, params string[] packages) =>
        new(path, arrow is null ? [] : [new ProjectArrow(arrow)], packages);
}

using System.Xml.Linq;

namespace OrleansMq.House.Tests;

/// <summary>What the feed may lack.</summary>
/// <param name="Name">As the messages call it.</param>
/// <param name="Prefixes">How the names of its packages begin.</param>
/// <param name="Except">Those that begin so and are another subject's.</param>
/// <param name="Item">Its list of projects in Orleans.props.</param>
/// <param name="Probe">The project that asks for it.</param>
/// <param name="Staying">Who may refer to such a project and is built without it.</param>
internal sealed record SeamSubject(string Name, string[] Prefixes, string[] Except, string Item, string Probe, params string[] Staying)
{
    private static readonly string[] OfProviders = ["Microsoft.Orleans.Clustering.", "Microsoft.Orleans.Persistence."];

    public static readonly SeamSubject Orleans = new("Orleans", ["Microsoft.Orleans."], OfProviders, "OrleansProject", "eng/orleans/Probe.csproj", "silo", "OrleansMq.LoadBench");
    public static readonly SeamSubject Providers = new("Orleans' providers", OfProviders, [], "ProvidersProject", "eng/orleans/ProvidersProbe.csproj");
    public static readonly SeamSubject Blobs = new("Azure's blobs", ["Azure."], [], "BlobsProject", "eng/orleans/BlobsProbe.csproj", "silo", "OrleansMq.LoadBench");

    public bool Has(string package) => Begins(Prefixes, package) && !Begins(Except, package);

    private static bool Begins(string[] prefixes, string package) => prefixes.Any(prefix => package.StartsWith(prefix, StringComparison.Ordinal));
}

/// <summary>The lists behind docs/decisions/0001-orleans-seam.md, and whether they agree with the projects.</summary>
/// <param name="Listed">Orleans.props: the projects left out where the feed lacks the subject.</param>
/// <param name="Probed">The packages that the feed is asked for.</param>
/// <param name="Versioned">Directory.Packages.props: the subject's packages that have a version.</param>
internal sealed record OrleansSeam(SeamSubject Subject, IReadOnlyList<string> Listed, IReadOnlyList<string> Probed, IReadOnlyList<string> Versioned)
{
    public static OrleansSeam Parse(SeamSubject subject, string orleansProps, string probe, string packages) => new(
        subject,
        [.. Included(orleansProps, subject.Item).Select(path => path.Replace("$(HouseRoot)", "", StringComparison.Ordinal))],
        [.. Included(probe, "PackageReference")],
        [.. Included(packages, "PackageVersion").Where(subject.Has)]);

    public IEnumerable<string> Check(IReadOnlyList<ProjectFile> projects)
    {
        var listedNames = Listed.Select(Path.GetFileNameWithoutExtension).ToHashSet();
        var needy = projects.Where(project => !Subject.Staying.Contains(project.Name) && Needs(project)).Select(project => project.Path).ToList();

        return needy.Except(Listed).Select(path => $"{path} needs {Subject.Name}, and is not in eng/orleans/Orleans.props.")
            .Concat(Listed.Except(needy).Select(path => $"eng/orleans/Orleans.props lists {path}, which is not there or needs no {Subject.Name}."))
            .Concat(Versioned.Except(Probed).Select(name => $"{name} has a version, and {Subject.Probe} does not ask for it."))
            .Concat(Probed.Except(Versioned).Select(name => $"{Subject.Probe} asks for {name}, which has no version."));

        bool Needs(ProjectFile project) =>
            project.Packages.Any(Subject.Has)
            || project.Arrows.Any(arrow => listedNames.Contains(arrow.To));
    }

    private static IEnumerable<string> Included(string xml, string item) =>
        XDocument.Parse(xml).Descendants(item).Select(element => element.Attribute("Include")?.Value).OfType<string>();
}

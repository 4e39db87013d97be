using System.Xml.Linq;

namespace OrleansMq.House.Tests;

/// <summary>The lists behind docs/decisions/0001-orleans-seam.md, and whether they agree with the projects.</summary>
/// <param name="Listed">Orleans.props: the projects left out where the feed lacks Orleans.</param>
/// <param name="Probed">Probe.csproj: the packages that the feed is asked for.</param>
/// <param name="Versioned">Directory.Packages.props: the Orleans packages that have a version.</param>
internal sealed record OrleansSeam(IReadOnlyList<string> Listed, IReadOnlyList<string> Probed, IReadOnlyList<string> Versioned)
{
    private const string PackagePrefix = "Microsoft.Orleans.";

    public static OrleansSeam Parse(string orleansProps, string probe, string packages) => new(
        [.. Included(orleansProps, "OrleansProject").Select(path => path.Replace("$(HouseRoot)", "", StringComparison.Ordinal))],
        [.. Included(probe, "PackageReference")],
        [.. Included(packages, "PackageVersion").Where(name => name.StartsWith(PackagePrefix, StringComparison.Ordinal))]);

    public IEnumerable<string> Check(IReadOnlyList<ProjectFile> projects)
    {
        var listedNames = Listed.Select(Path.GetFileNameWithoutExtension).ToHashSet();
        var needy = projects.Where(project => project.Wing != "silo" && Needs(project)).Select(project => project.Path).ToList();

        return needy.Except(Listed).Select(path => $"{path} needs Orleans, and is not in eng/orleans/Orleans.props.")
            .Concat(Listed.Except(needy).Select(path => $"eng/orleans/Orleans.props lists {path}, which is not there or needs no Orleans."))
            .Concat(Versioned.Except(Probed).Select(name => $"{name} has a version, and eng/orleans/Probe.csproj does not ask for it."))
            .Concat(Probed.Except(Versioned).Select(name => $"eng/orleans/Probe.csproj asks for {name}, which has no version."));

        bool Needs(ProjectFile project) =>
            project.Packages.Any(name => name.StartsWith(PackagePrefix, StringComparison.Ordinal))
            || project.Arrows.Any(arrow => listedNames.Contains(arrow.To));
    }

    private static IEnumerable<string> Included(string xml, string item) =>
        XDocument.Parse(xml).Descendants(item).Select(element => element.Attribute("Include")?.Value).OfType<string>();
}

using System.Xml.Linq;

namespace OrleansMq.House.Tests;

/// <summary>What a project file says about whom it needs.</summary>
internal sealed record ProjectFile(string Path, IReadOnlyList<ProjectArrow> Arrows, IReadOnlyList<string> Packages)
{
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>The folder at the root that it stands in: src, silo, samples or tests.</summary>
    public string Wing => Path.Split('/')[0];

    public static ProjectFile Parse(string path, string xml)
    {
        var items = XDocument.Parse(xml).Descendants().ToLookup(element => element.Name.LocalName);
        return new ProjectFile(path, [.. items["ProjectReference"].SelectMany(ArrowsOf)], [.. items["PackageReference"].SelectMany(Included)]);
    }

    private static IEnumerable<ProjectArrow> ArrowsOf(XElement reference) =>
        Included(reference).Select(path => new ProjectArrow(
            System.IO.Path.GetFileNameWithoutExtension(path.Replace('\\', '/')),
            AsProcess: string.Equals(Property(reference, "ReferenceOutputAssembly"), "false", StringComparison.OrdinalIgnoreCase)));

    private static IEnumerable<string> Included(XElement item) =>
        (item.Attribute("Include")?.Value ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static string? Property(XElement item, string name) =>
        item.Attribute(name)?.Value ?? item.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value;
}

/// <param name="To">The project referred to.</param>
/// <param name="AsProcess">It is built first and may be started, but its types are not seen.</param>
internal sealed record ProjectArrow(string To, bool AsProcess = false);

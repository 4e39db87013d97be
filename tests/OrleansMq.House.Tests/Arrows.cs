namespace OrleansMq.House.Tests;

/// <summary>Who may refer to whom (docs/architecture). What is reached through an allowed arrow needs no arrow of its own.</summary>
internal static class Arrows
{
    // A name that ends in * stands for every project that begins so and has no line of its own.
    private static readonly (string From, string[] To)[] Allowed =
    [
        ("OrleansMq.Records", []),
        ("OrleansMq.Compression", ["OrleansMq.Records"]),
        ("OrleansMq.Abstractions", ["OrleansMq.Records"]),
        ("OrleansMq.Core", ["OrleansMq.Abstractions"]),
        ("OrleansMq.Engine", ["OrleansMq.Core"]),
        ("OrleansMq.Storage.*", ["OrleansMq.Engine"]),
        // Storage.Files too, so that one line starts a durable broker.
        ("OrleansMq.Embedded", ["OrleansMq.Engine", "OrleansMq.Storage.Files", "OrleansMq.Compression"]),
        ("OrleansMq.Clustering", ["OrleansMq.Engine"]),
        ("OrleansMq.Server", ["OrleansMq.Engine", "OrleansMq.Client"]),
        ("OrleansMq.Client", ["OrleansMq.Abstractions", "OrleansMq.Compression"]),
        ("OrleansMq.Http.Client", ["OrleansMq.Abstractions", "OrleansMq.Compression"]),
        ("OrleansMq.AdoNet", ["OrleansMq.Abstractions"]),
        ("OrleansMq.Redis", ["OrleansMq.Abstractions"]),
        // The spool is a broker of its own, on disk.
        ("OrleansMq.Spool", ["OrleansMq.Embedded"]),
        ("OrleansMq.Recurring", ["OrleansMq.Abstractions"]),
        ("OrleansMq.Webhooks", ["OrleansMq.Abstractions"]),
        ("OrleansMq.Streaming", ["OrleansMq.Abstractions"]),
        ("OrleansMq.Access", ["OrleansMq.Abstractions"]),
        ("OrleansMq.Gateways", ["OrleansMq.Abstractions", "OrleansMq.Access"]),
        ("OrleansMq.Gateways.*", ["OrleansMq.Gateways"]),
        ("OrleansMq.Cli", ["OrleansMq.Http.Client", "OrleansMq.Access", "OrleansMq.Recurring", "OrleansMq.Storage.Files"]),
    ];

    private static readonly string[] WithoutPackages =
        ["OrleansMq.Records", "OrleansMq.Abstractions", "OrleansMq.Core", "OrleansMq.Engine"];

    public static IEnumerable<string> CheckReferences(ProjectFile project)
    {
        foreach (var arrow in project.Arrows)
        {
            if (arrow.To == "silo")
            {
                if (project.Wing is not ("tests" or "samples"))
                {
                    yield return $"{project.Path}: nothing refers to silo; only tests and samples may start it.";
                }
                else if (!arrow.AsProcess)
                {
                    yield return $"{project.Path}: silo may be started, not linked: say ReferenceOutputAssembly=\"false\".";
                }
            }
            else if (project.Wing == "src" && !MayReferTo(project.Name).Contains(arrow.To))
            {
                yield return $"{project.Path}: no arrow leads from {project.Name} to {arrow.To} ({nameof(Arrows)}.cs has those that do).";
            }
            else if (project.Wing is "silo" or "samples" && !arrow.To.StartsWith("OrleansMq.", StringComparison.Ordinal))
            {
                yield return $"{project.Path}: {arrow.To} is not a room of src.";
            }
        }
    }

    public static IEnumerable<string> CheckPackages(ProjectFile project) =>
        WithoutPackages.Contains(project.Name)
            ? project.Packages.Select(package => $"{project.Path}: {project.Name} takes no packages, and refers to {package}.")
            : [];

    private static string[] MayReferTo(string project)
    {
        foreach (var (from, to) in Allowed)
        {
            if (from == project || (from[^1] == '*' && project.StartsWith(from[..^1], StringComparison.Ordinal)))
            {
                return to;
            }
        }

        return [];
    }
}

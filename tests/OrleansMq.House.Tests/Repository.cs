namespace OrleansMq.House.Tests;

/// <summary>The working copy that these tests judge.</summary>
internal static class Repository
{
    private static readonly string[] Folders = ["src", "silo", "samples", "tests"];

    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<ProjectFile> Projects { get; } =
        [.. Files("*.csproj", Folders).Select(path => ProjectFile.Parse(path, Read(path)))];

    /// <summary>C# sources under the given folders, without what builds leave behind.</summary>
    public static IReadOnlyList<SourceFile> Sources(params string[] folders) =>
        [.. Files("*.cs", folders.Length == 0 ? Folders : folders).Select(path => new SourceFile(path, Read(path)))];

    /// <summary>Paths from the root, with forward slashes.</summary>
    public static IEnumerable<string> Files(string pattern, params string[] folders) =>
        folders
            .Select(folder => Path.Combine(Root, folder))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => !path.Split('/').Any(part => part is "bin" or "obj" or "node_modules"))
            .Order(StringComparer.Ordinal);

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "OrleansMq.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No OrleansMq.sln above {AppContext.BaseDirectory}: these tests read the repository.");
    }
}

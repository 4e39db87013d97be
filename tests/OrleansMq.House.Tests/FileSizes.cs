using System.Text.RegularExpressions;

namespace OrleansMq.House.Tests;

internal static class FileSizes
{
    public const int MaxLines = 400;
    public const int MaxHeartLines = 1300;

    /// <summary>
    /// The heart files, by path from the root: at most one <c>Partition*.cs</c> and one <c>ConsumerGroup*.cs</c>, and never a third.
    /// Name one here when it outgrows <see cref="MaxLines"/>; split any other file.
    /// </summary>
    public static readonly string[] Hearts =
    [
        "src/OrleansMq.Engine/Partitions/PartitionEngine.cs",
    ];

    private static readonly Regex[] HeartNames = [new(@"/Partition\w*\.cs$"), new(@"/ConsumerGroup\w*\.cs$")];

    public static IEnumerable<string> Check(SourceFile file, string[] hearts)
    {
        var max = hearts.Contains(file.Path) ? MaxHeartLines : MaxLines;
        return file.LineCount > max ? [$"{file.Path} has {file.LineCount} lines, and {max} are its limit: split it."] : [];
    }

    public static IEnumerable<string> CheckHearts(string[] hearts) =>
        hearts.Where(heart => !HeartNames.Any(name => name.IsMatch(heart))).Select(heart => $"{heart} is not a heart file.")
            .Concat(HeartNames.Where(name => hearts.Count(name.IsMatch) > 1).Select(name => $"Two heart files match {name}."));
}

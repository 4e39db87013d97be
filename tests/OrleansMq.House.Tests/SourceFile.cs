using System.Text.RegularExpressions;

namespace OrleansMq.House.Tests;

/// <summary>A C# file: its path from the root, with forward slashes, and its text.</summary>
internal sealed record SourceFile(string Path, string Text)
{
    // Strings are matched first, so that "http://" opens no comment. Raw strings before plain ones, which are their prefix.
    private static readonly Regex StringOrComment = new(
        """(?<string>("{3,})[\s\S]*?\1|@"(?:[^"]|"")*"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')|//[^\n]*|/\*[\s\S]*?\*/""",
        RegexOptions.CultureInvariant);

    private static readonly Regex NotNewline = new("[^\n]");

    /// <summary>The text with its comments blanked; every other character keeps its place.</summary>
    public string Code => StringOrComment.Replace(
        Text, match => match.Groups["string"].Success ? match.Value : NotNewline.Replace(match.Value, " "));

    public int LineCount => Text.AsSpan().TrimEnd('\n').Count('\n') + 1;

    public int LineOf(int index) => Text.AsSpan(0, index).Count('\n') + 1;
}

using System.Text.RegularExpressions;

namespace OrleansMq.House.Tests;

internal static class Naming
{
    // Inside OrleansMq.*, a namespace that ends in Orleans would shadow the real one.
    private static readonly Regex Shadow = new(@"\bnamespace\s+OrleansMq(\.\w+)*\.Orleans\b");

    private static readonly Regex Vague = new(
        @"\b(?:class|struct|record|interface|enum)\s+(\w*(?:Manager|Helper|Util|Utilitie|Utility)s?)\b");

    public static IEnumerable<string> Check(SourceFile file)
    {
        if (file.Path.Split('/').Any(part => part == "OrleansMq.Orleans" || part.StartsWith("OrleansMq.Orleans.", StringComparison.Ordinal)))
        {
            yield return $"{file.Path}: a folder OrleansMq.Orleans shadows Orleans.";
        }

        foreach (Match match in Shadow.Matches(file.Code))
        {
            yield return $"{file.Path}({file.LineOf(match.Index)}): {match.Value} shadows Orleans.";
        }

        foreach (Match match in Vague.Matches(file.Code))
        {
            yield return $"{file.Path}({file.LineOf(match.Index)}): {match.Groups[1].Value} says nothing: find what it manages and name that.";
        }
    }
}

using System.Globalization;

namespace OrleansMq.Cli.Input;

/// <summary>
/// An idempotency token for each line of an input: <c>{n}</c> is the line's number from 1, <c>{key}</c> its key. The same file sent
/// again with the same template is stored once.
/// </summary>
internal static class TokenTemplate
{
    public static string Fill(string template, long line, string? key) => template
        .Replace("{n}", line.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("{key}", key ?? "", StringComparison.Ordinal);
}

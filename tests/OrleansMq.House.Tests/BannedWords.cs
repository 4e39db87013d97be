using System.Text.RegularExpressions;

namespace OrleansMq.House.Tests;

/// <param name="Pattern">What may not stand in code; comments are not code.</param>
/// <param name="Instead">What to do in its place.</param>
internal sealed record BannedWord(string Pattern, string Instead);

internal static class BannedWords
{
    private const string TimeArgument = @"[^;]*,\s*[\w.]*(?:[tT]imeProvider|[cC]lock|\b_?time)\b";

    /// <summary>Core decides: no clock, no waiting, no chance, no log, no disk.</summary>
    public static readonly BannedWord[] Core =
    [
        new(@"\bDateTime(Offset)?\.(UtcNow|Now|Today)\b", "receive 'now'"),
        new(@"\bStopwatch\b", "receive 'now'"),
        new(@"\bTickCount(64)?\b", "receive 'now'"),
        new(@"\bTimeProvider\b", "receive 'now'"),
        new(@"\b(Value)?Task\b", "return the decision, the engine waits"),
        new(@"\bThread\b", "return the decision, the engine waits"),
        new(@"\bRandom(NumberGenerator)?\b", "receive the drawn number"),
        new(@"\bGuid\.(NewGuid|CreateVersion7)\b", "receive the drawn number"),
        new(@"\bILogger\b", "return an event, the engine logs"),
        new(@"\bSystem\.IO\b", "the storage port reads and writes"),
        new(@"\bFile\.", "the storage port reads and writes"),
    ];

    /// <summary>The engine runs under Orleans' scheduler and the simulator's: it may not leave them, nor look at a real clock.</summary>
    public static readonly BannedWord[] Engine =
    [
        new(@"\bTask\.Run\b", "stay on the scheduler"),
        new(@"\bConfigureAwait\(", "stay on the scheduler"),
        new(@"\bThreadPool\b", "stay on the scheduler"),
        new(@"\bThread\.Sleep\b", "await"),
        new(@"\bnew (System\.Threading\.)?Timer\(", "TimeProvider.CreateTimer"),
        new(@"\bTask\.Delay\((?!" + TimeArgument + ")", "Task.Delay with the TimeProvider"),
        new(@"\bDateTime(Offset)?\.(UtcNow|Now|Today)\b", "TimeProvider.GetUtcNow"),
    ];

    public static IEnumerable<string> Check(SourceFile file, BannedWord[] words) =>
        from word in words
        from match in Regex.Matches(file.Code, word.Pattern)
        orderby match.Index
        select $"{file.Path}({file.LineOf(match.Index)}): {match.Value.Trim()} has no place here: {word.Instead}.";
}

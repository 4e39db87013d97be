namespace OrleansMq.House.Tests;

internal static class Verdict
{
    /// <summary>Fails with every violation on a line of its own.</summary>
    public static void Clean(IEnumerable<string> violations)
    {
        var found = violations.ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }
}

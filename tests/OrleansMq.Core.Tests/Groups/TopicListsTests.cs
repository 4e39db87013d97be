using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

public sealed class TopicListsTests
{
    /// <summary>Lists are in use, some are to be used in place of some of them: what that would come to, and that doing it comes to the same.</summary>
    [Theory]
    [InlineData("", "", "a b", "2: a b")]
    [InlineData("a b", "", "c", "3: a b c")]
    [InlineData("a b", "a b", "b c", "2: b c")]
    // Released and used: nothing is new.
    [InlineData("a b", "a b", "a b", null)]
    [InlineData("a b | c", "a b | c", "c | a b", null)]
    [InlineData("a b | c", "a b", "c", null)]
    // One of two that have it lets it go: it stays, and counts once.
    [InlineData("a b | a b", "a b", "c", "3: a b c")]
    [InlineData("a b | a b", "a b | a b", "c", "1: c")]
    // What is named is matched too: one list, twice in use.
    [InlineData("a | a", "a | a", "a | b", "2: a b")]
    [InlineData("", "", "a | a", "1: a")]
    [InlineData("a | a", "a | a", "a b | a b", "2: a b")]
    // A name in two lists counts twice, and stays while one of them does.
    [InlineData("a b | b c", "a b", "d", "3: b c d")]
    [InlineData("a b | b c", "a b | b c", "d | b", "2: b d")]
    [InlineData("a b", "", "b c", "4: a b c")]
    public void WhatWouldBeIsWhatIs(string inUse, string released, string used, string? expected)
    {
        var lists = new TopicLists();
        foreach (var list in Parse(inUse))
            lists.Use(list);
        var before = Text(lists.Length, lists.Names);

        var instead = lists.Instead(Parse(released), Parse(used));

        Assert.Equal(expected, instead is var (length, names) ? Text(length, names) : null);
        Assert.Equal(before, Text(lists.Length, lists.Names));
        foreach (var list in Parse(used))
            lists.Use(list);
        foreach (var list in Parse(released))
            lists.Release(list);
        if (expected is not null)
            Assert.Equal(expected, Text(lists.Length, lists.Names));
    }

    private static string[][] Parse(string text) => [.. text.Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(list => list.Split(' '))];

    private static string Text(long length, IEnumerable<string> names) => $"{length}: {string.Join(' ', names.Order(StringComparer.Ordinal))}";
}

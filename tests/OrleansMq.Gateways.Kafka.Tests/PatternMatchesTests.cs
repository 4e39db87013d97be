using OrleansMq.Conformance;

namespace OrleansMq.Gateways.Kafka.Tests;

public sealed class PatternMatchesTests
{
    private readonly ManualTime _time = new();
    private readonly PatternMatches _matches;
    private int _listed;

    public PatternMatchesTests() => _matches = new PatternMatches(_time);

    [Fact]
    public async Task TopicsAreListedOnceForAllMembersOfAUser()
    {
        for (var member = 0; member < 1_000; member++)
            Assert.Equal(["a1", "a2"], await Match("u", "a.*"));
        Assert.Equal(1, _listed);
        await Match("other", "a.*");
        await Match("u", "b.*");
        Assert.Equal(3, _listed);
        _time.Advance(PatternMatches.MatchAgain);
        await Match("u", "a.*");
        await Match("u", "a.*");
        Assert.Equal(4, _listed);
    }

    [Fact]
    public async Task AListThatFailedIsAskedForAgain()
    {
        await Assert.ThrowsAsync<MqException>(() => _matches.Of("u", Pattern("a.*"), () => throw new MqException(ErrorCodes.PartitionUnavailable, "not now")));
        Assert.Equal(["a1", "a2"], await Match("u", "a.*"));
    }

    [Fact]
    public async Task BeyondTheLimitAllAreLookedForAgain()
    {
        for (var i = 0; i <= PatternMatches.MaxKept; i++)
            await Match("u", $"a{i}");
        await Match("u", "a0");
        Assert.Equal(PatternMatches.MaxKept + 2, _listed);
    }

    [Fact]
    public async Task WhatNobodyAskedForAgainInTimeIsDroppedWhenAnotherComes()
    {
        await Match("u", "a.*");
        await Match("u", "b.*");
        Assert.Equal(2, _matches.Kept);
        _time.Advance(PatternMatches.MatchAgain);
        await Match("u", "c.*");
        Assert.Equal(1, _matches.Kept);
    }

    [Fact]
    public async Task NamesHaveTheirLimitToo()
    {
        string[] many = [.. Enumerable.Range(0, PatternMatches.MaxNames / 2 + 1).Select(i => $"a{i}")];
        await _matches.Of("u", Pattern("a.*"), () => Task.FromResult<IReadOnlyList<string>>(many));
        Assert.Equal(1, _matches.Kept);
        Assert.Equal(many.Length, (await _matches.Of("v", Pattern("a.*"), () => Task.FromResult<IReadOnlyList<string>>(many))).Length);
        Assert.Equal(0, _matches.Kept);
        await Match("u", "a.*");
        Assert.Equal((1, 1), (_listed, _matches.Kept));
    }

    private async Task<IEnumerable<string>> Match(string who, string pattern) => (await _matches.Of(who, Pattern(pattern), () =>
    {
        _listed++;
        return Task.FromResult<IReadOnlyList<string>>(["a1", "b1", "a2"]);
    })).Select(topic => topic.Text);

    private static TopicPattern Pattern(string text) => TopicPattern.Parse(text, out _)!;
}

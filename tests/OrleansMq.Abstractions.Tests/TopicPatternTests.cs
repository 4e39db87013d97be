namespace OrleansMq.Abstractions.Tests;

public sealed class TopicPatternTests
{
    [Theory]
    [InlineData("orders.*", "orders.eu", true)]
    [InlineData("orders.*", "orders.", true)]
    [InlineData("orders.*", "orders", false)]
    [InlineData("orders", "orders", true)]
    [InlineData("orders", "orders2", false)]
    [InlineData("*", "anything", true)]
    [InlineData("*.eu", "orders.eu", true)]
    [InlineData("*.eu", "orders.eu.old", false)]
    [InlineData("a*b*c", "abc", true)]
    [InlineData("a*b*c", "axxbxbyc", true)]
    [InlineData("a*b*c", "acb", false)]
    [InlineData("ab*ba", "aba", false)]
    [InlineData("a*bc*bc", "abcbc", true)]
    [InlineData("a*bc*bc", "abc", false)]
    [InlineData("a**b", "ab", true)]
    [InlineData("*", "_orleansmq.audit", false)]
    [InlineData("_*", "_orleansmq.audit", true)]
    public void AStarIsAnyNumberOfCharacters(string pattern, string topic, bool matches) => Assert.Equal(matches, new TopicPattern(pattern).Matches(topic));

    [Theory]
    [InlineData("orders.*", "orders.")]
    [InlineData("orders", "orders")]
    [InlineData("*.eu", "")]
    public void ThePrefixIsWhatIsListed(string pattern, string prefix) => Assert.Equal(prefix, new TopicPattern(pattern).Prefix);

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("a?")]
    [InlineData("..")]
    public void WhatNoNameCanMatchIsRefused(string text) => Assert.Equal(ErrorCodes.Malformed, Assert.Throws<MqException>(() => new TopicPattern(text)).Code);

    [Fact]
    public void APatternIsNoLongerThanAName() => Assert.Throws<MqException>(() => new TopicPattern(new string('a', NameRule.MaxLength) + "*"));

    [Fact]
    public async Task OptionsThatCanNotBeAreNamedAtOnce()
    {
        var broker = new NoTopics();

        Assert.Equal("MaxTopics", Assert.Throws<ArgumentOutOfRangeException>(() => broker.ConsumeMatching("*", "g", (_, _, _) => Task.CompletedTask, topics: new() { MaxTopics = 0 })).ParamName);
        Assert.Equal("DiscoveryInterval", Assert.Throws<ArgumentOutOfRangeException>(() => broker.FollowMatching("*", "g", (_, _, _) => Task.CompletedTask, topics: new() { DiscoveryInterval = TimeSpan.Zero })).ParamName);
        Assert.Equal("Workers", Assert.Throws<ArgumentOutOfRangeException>(() => broker.ConsumeMatching("*", "g", (_, _, _) => Task.CompletedTask, new() { Workers = 0 })).ParamName);
        await using var consumer = broker.ConsumeMatching("*", "g", (_, _, _) => Task.CompletedTask);
        Assert.Equal(100, new PatternOptions().MaxTopics);
    }

    private sealed class NoTopics : SilentBroker
    {
        public override ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default) => new(new Page<TopicName>([], null));
    }
}

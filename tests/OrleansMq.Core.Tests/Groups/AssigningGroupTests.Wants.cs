using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

/// <summary>What members want, and what it costs to keep track of it.</summary>
public sealed partial class AssigningGroupTests
{
    [Fact]
    public void WhatAPatternMatchesIsWantedAsWhatWasNamed()
    {
        topics["u"] = new SeenTopic("u", Guid.NewGuid(), 1);
        group.Beat(Joining("a") with { Pattern = "u.*", Matched = ["u"] }, topics.Looked(), now);
        Assert.Equal(5, group.Describe()[0].Assigned.Sum(topic => topic.Partitions.Count));
        group.Beat(Of("a", 1) with { Pattern = "" }, topics.Looked(), now);
        group.Beat(Of("a", 1) with { Owned = Owned("0 1 2 3") }, topics.Looked(), now);
        Assert.Equal("t", Assert.Single(group.Describe()[0].Assigned).Topic.Text);
        Assert.Equal("", group.Describe()[0].Pattern);
    }

    [Fact]
    public void WhatIsNotSaidStaysAlsoWhereTheMemberComesAgain()
    {
        topics["u"] = new SeenTopic("u", Guid.NewGuid(), 1);
        group.Beat(Joining("a") with { Pattern = "u.*", Matched = ["u"], Rack = "r", Assignor = "range" }, topics.Looked(), now);
        var again = group.Beat(Joining("a"), topics.Looked(), now).Standing!;
        Assert.Equal((1, "u.*", 5), (again.Epoch, again.Pattern, again.Assigned!.Sum(topic => topic.Partitions.Count)));
        Assert.Equal(("r", "range"), (group.Describe()[0].Rack, group.Assignor));
        Assert.Equal("u.*", Beat("a", 1)!.Pattern);
        Assert.Equal("", group.Beat(Of("a", 1) with { Pattern = "" }, topics.Looked(), now).Standing!.Pattern);
    }

    [Fact]
    public void StaticMemberThatComesBackUnderAnotherNameKeepsItsPattern()
    {
        topics["u"] = new SeenTopic("u", Guid.NewGuid(), 1);
        group.Beat(Joining("a") with { Instance = "one", Pattern = "u.*", Matched = ["u"] }, topics.Looked(), now);
        Beat("a", MemberBeat.ComesBack, "one");
        var back = Join("a2", "one");
        Assert.Equal((1, "u.*"), (back.Epoch, back.Pattern));
        Assert.Equal(1, group.Epoch);
    }

    [Fact]
    public void ALookThatWasOvertakenTakesNoPartitionsAway()
    {
        topics["t"] = new SeenTopic("t", T, 6);
        Join("a");
        group.Learn(new Dictionary<string, SeenTopic?> { ["t"] = new SeenTopic("t", T, 4) }.Looked());
        Assert.Equal(1, group.Epoch);
        Assert.Equal("0 1 2 3 4 5", Told(Join("a")));
    }

    [Fact]
    public void ATopicThatNobodyWantsAnyMoreIsForgottenAndOneThatStaysIsNot()
    {
        topics["u"] = new SeenTopic("u", Guid.NewGuid(), 1);
        group.Beat(Joining("a") with { Topics = ["t", "u"] }, topics.Looked(), now);
        group.Beat(Joining("b") with { Topics = ["u"] }, topics.Looked(), now);
        Assert.Equal(["t", "u"], group.Wanted.Order());
        group.Beat(Of("a", 1) with { Topics = ["t"], Owned = [] }, new Dictionary<string, TopicLook>(), now);
        Assert.True(group.Wants("u"));
        Beat("b", MemberBeat.Leaves);
        Assert.False(group.Wants("u"));
        Assert.Equal(["t"], group.Wanted);
        Assert.Equal("0 1 2 3", Told(group.Beat(Of("a", 1) with { Owned = [] }, new Dictionary<string, TopicLook>(), now).Standing!));
    }

    [Fact]
    public void WhatWasNeverLookedForComesFirstAndThenWhatWasLongestAgoAlsoWhereItDidNotAnswer()
    {
        group.Beat(Joining("a") with { Topics = ["a", "b", "c", "d"] }, new Dictionary<string, TopicLook> { ["b"] = new(1, true, null), ["a"] = new(2, false, null), ["c"] = new(3, true, null) }, now);
        Assert.Equal(["d", "b", "a", "c"], group.ToLookFor);
        group.Learn(new Dictionary<string, TopicLook> { ["d"] = new(4, false, null), ["b"] = new(5, true, null) });
        Assert.Equal(["a", "c", "d", "b"], group.ToLookFor);
    }

    [Fact]
    public void ALookThatFoundNothingAndComesLateTakesNoPartitionsAway()
    {
        group.Beat(Joining("a"), topics.Looked(begun: 2), now);
        topics["t"] = null;
        group.Learn(topics.Looked(begun: 1));
        Assert.Equal("0 1 2 3", Told(Join("a")));
    }

    [Theory]
    [InlineData(10, 10)]
    [InlineData(1_000, 1_000)]
    public void ABeatThatChangesNothingCostsNoMoreInALargeGroup(int members, int names)
    {
        List<TopicName> wanted = [.. Enumerable.Range(0, names).Select(i => new TopicName($"t{i}"))];
        for (var i = 0; i < members; i++)
            Assert.Null(Refused(Joining($"m{i}") with { Topics = wanted }));
        group.Learn(wanted.ToDictionary(topic => topic.Text, topic => (SeenTopic?)new SeenTopic(topic.Text, Guid.NewGuid(), 1)).Looked());
        var nothing = new Dictionary<string, TopicLook>();
        var epoch = group.Beat(Joining("m0") with { Topics = wanted }, nothing, now).Standing!.Epoch;
        Assert.Null(group.Beat(Of("m0", epoch), nothing, now).Standing!.Assigned);
        var beat = Of("m0", epoch);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            group.Beat(beat, nothing, now);

        // A set of what all want, or a walk through lists of members, would be thousands of bytes in the large one.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100 * 300);
    }
}

using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

public sealed class SeenTopicsTests
{
    private static readonly SeenTopic Old = new("t", Guid.NewGuid(), 3), New = new("t", Guid.NewGuid(), 3);

    private readonly SeenTopics _topics = new();

    [Fact]
    public void ALookThatFoundNothingAndComesLateTakesNoTopicAway()
    {
        Assert.True(Put(2, New));
        Assert.False(Put(1, null));
        Assert.Equal(New, _topics.Find("t"));
        Assert.True(Put(3, null));
        Assert.Null(_topics.Find("t"));
    }

    [Fact]
    public void ALookThatFoundTheTopicBeforeItWasMadeAgainAndComesLateBringsItNotBack()
    {
        Assert.True(Put(2, New));
        Assert.False(Put(1, Old));
        Assert.Equal(New, _topics.Find("t"));
        Assert.Null(_topics.Find(Old.Id));
        Assert.True(Put(3, null));
        Assert.False(Put(2, New));
        Assert.Empty(_topics.All);
    }

    [Fact]
    public void WhatIsNotAnsweredChangesNothingAndRefusesNothing()
    {
        Put(1, Old);
        Assert.False(_topics.Put("t", new TopicLook(5, false, null)));
        Assert.Equal(Old, _topics.Find("t"));
        Assert.True(Put(4, New));
    }

    [Fact]
    public void ATopicThatWasStoredGivesWayToAnyLook()
    {
        _topics.Restore(Old);
        Assert.True(Put(0, null));
        Assert.Empty(_topics.All);
    }

    [Fact]
    public void WhatWasLookedForIsKnownUntilNobodyWantsIt()
    {
        Assert.Equal(long.MinValue, _topics.LookedFor("t"));
        _topics.Put("t", new TopicLook(5, false, null));
        Put(4, New);
        Assert.Equal(5, _topics.LookedFor("t"));
        _topics.Remove("t");
        Assert.Equal(long.MinValue, _topics.LookedFor("t"));
    }

    private bool Put(long begun, SeenTopic? topic) => _topics.Put("t", new TopicLook(begun, true, topic));
}

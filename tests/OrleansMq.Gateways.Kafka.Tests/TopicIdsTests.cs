using OrleansMq.Conformance;

namespace OrleansMq.Gateways.Kafka.Tests;

public sealed class TopicIdsTests
{
    private static readonly Guid One = Guid.NewGuid(), Two = Guid.NewGuid();

    private readonly ManualTime _time = new();
    private readonly TopicIds _ids;

    public TopicIdsTests() => _ids = new TopicIds(_time);

    [Fact]
    public void ATopicThatIsMadeAnewHasItsNewIdAlone()
    {
        _ids.Note("", One, "t");
        _ids.Note("", Two, "t");
        Assert.Null(_ids.Find("", One));
        Assert.Equal("t", _ids.Find("", Two));
        Assert.Null(_ids.Find("somebody else", Two));
        _ids.Forget("", One);
        Assert.Empty(_ids.Unsure("", ["t"]));
    }

    [Fact]
    public void ASearchLooksAtTopicsThatAreNewOrWereNotSeenForLong()
    {
        _ids.Note("", One, "old");
        _time.Advance(TimeSpan.FromSeconds(1));
        _ids.Note("", Two, "seen");
        Assert.Equal(["new"], _ids.Unsure("", ["old", "seen", "new"]));
        _time.Advance(TopicIds.SureFor - TimeSpan.FromSeconds(1));
        Assert.Equal(["new", "old"], _ids.Unsure("", ["seen", "old", "new"]));
        _ids.Forget("", Two);
        Assert.Equal(["seen", "old"], _ids.Unsure("", ["old", "seen"]));
    }

    [Fact]
    public void OnlyOneSearchesAtATimeAndNotAgainAtOnce()
    {
        Assert.True(_ids.BeginLook());
        Assert.False(_ids.BeginLook());
        _ids.EndLook();
        Assert.False(_ids.BeginLook());
        _time.Advance(TopicIds.LookAgain);
        Assert.True(_ids.BeginLook());
    }

    [Fact]
    public void BeyondTheLimitAllAreForgotten()
    {
        for (var i = 0; i <= TopicIds.MaxKept; i++)
            _ids.Note("", Guid.NewGuid(), $"t{i}");
        Assert.Single(_ids.Unsure("", ["t0", $"t{TopicIds.MaxKept}"]));
    }
}

using OrleansMq.Conformance;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Storage;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>What a member says of itself: patterns and names.</summary>
public sealed partial class ConsumerGroupTests
{
    [Fact]
    public async Task APatternMatchesWholeNamesAndIsReplacedByAnother()
    {
        await _served.Broker.PutTopic("other", new TopicChange());
        await _served.Broker.PutTopic("tt", new TopicChange());
        var joined = await Join("m", topics: null, regex: "t|o.*r");
        Assert.Equal(2, joined.Assigned!.Count);
        Assert.Equal("t|o.*r", Assert.Single((await _served.Broker.Coordinator.DescribeAssigned("g")).Members).Pattern);
        await Beat("m", 1, regex: "t", full: true);
        Assert.Equal(_id, Assert.Single(Assert.Single((await _served.Broker.Coordinator.DescribeAssigned("g")).Members).Assigned).Id);
    }

    [Fact]
    public async Task APatternIsKeptWhereItsMemberComesByAnotherConnectionAndDoesNotSayIt()
    {
        var time = new ManualTime();
        await using var served = await Served.Start(new KafkaGatewayOptions { Time = time }, new EmbeddedOptions { Storage = new VolatileStorage(), Time = time });
        var first = (await served.Broker.PutTopic("p1", new TopicChange())).Id;
        using (var gone = await served.Connect())
        {
            _client = gone;
            Assert.Equal([(first, "0")], (await Join("m", topics: null, regex: "p.*")).Assigned!);
        }
        _client = await served.Connect();
        Assert.Equal(1, (await Beat("m", 1)).Epoch);
        var second = (await served.Broker.PutTopic("p2", new TopicChange())).Id;
        time.Advance(PatternMatches.MatchAgain);
        Assert.Equal(new[] { (first, "0"), (second, "0") }, (await Beat("m", 1)).Assigned!);
        // And where it comes again at 0, with names beside it.
        Assert.Equal(2, (await Join("m", topics: [])).Assigned!.Count);
        Assert.Empty((await Join("m", topics: [], regex: "")).Assigned!);
    }

    [Fact]
    public async Task APatternThatIsTooLongOrCouldTakeLongIsRefusedAndSaysWhy()
    {
        var refused = await Join("m", regex: new string('a', TopicPattern.MaxLength + 1));
        Assert.Equal((KafkaError.InvalidRegularExpression, $"A pattern has {TopicPattern.MaxLength} characters at most."), (refused.Error, refused.Why));
        refused = await Join("m", regex: @"(a+)\1");
        Assert.Equal(KafkaError.InvalidRegularExpression, refused.Error);
        Assert.NotEmpty(refused.Why!);
        Assert.Equal(KafkaError.UnknownMemberId, (await Beat("m", 1)).Error);
    }

    [Fact]
    public async Task ANameBeyondItsLimitIsRefusedAndSaysWhich()
    {
        var refused = await Join(new string('m', MemberNames.MaxLength + 1));
        Assert.Equal((KafkaError.InvalidRequest, "A member's name has 255 characters at most; 256 were given."), (refused.Error, refused.Why));
        refused = await Join("m", instance: new string('i', MemberNames.MaxLength + 1));
        Assert.Equal((KafkaError.InvalidRequest, "A static name has 255 characters at most; 256 were given."), (refused.Error, refused.Why));
    }
}

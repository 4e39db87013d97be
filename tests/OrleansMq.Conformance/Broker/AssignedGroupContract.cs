using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Groups to whose members the broker assigns: a partition has one reader, and only who is at its epoch commits.</summary>
public abstract class AssignedGroupContract : BrokerContract
{
    [Fact]
    public Task WhoComesAloneIsGivenEverythingUnderTheTopicsId() => Story(async broker =>
    {
        var topic = await broker.PutTopic("t", new() { Partitions = 3 });
        var standing = await Of(broker).Beat("assigned-alone", Joining("a"));

        var assigned = Assert.Single(standing.Assigned!);
        Assert.Equal((topic.Id, "t"), (assigned.Id, assigned.Topic.Text));
        Assert.NotEqual(Guid.Empty, assigned.Id);
        Assert.Equal([0, 1, 2], assigned.Partitions);
        Assert.Equal(topic.Id, (await broker.DescribeTopic("t")).Id);
    });

    [Fact]
    public Task WhoComesLaterIsGivenWhatTheOtherLetGo() => Story(async broker =>
    {
        var topic = await broker.PutTopic("t", new() { Partitions = 2 });
        var groups = Of(broker);
        var a = await groups.Beat("assigned-two", Joining("a"));
        var b = await groups.Beat("assigned-two", Joining("b"));
        Assert.Empty(b.Assigned!);

        Assert.Equal([0], Assert.Single((await groups.Beat("assigned-two", Beat("a", a.Epoch))).Assigned!).Partitions);
        Assert.Null((await groups.Beat("assigned-two", Beat("b", b.Epoch))).Assigned);
        var described = await groups.DescribeAssigned("assigned-two");
        Assert.Equal((GroupPhase.Reconciling, 2, "uniform"), (described.Phase, described.Epoch, described.Assignor));
        await groups.Beat("assigned-two", Beat("a", a.Epoch) with { Owned = [new OwnedTopic(topic.Id, [0])] });

        Assert.Equal([1], Assert.Single((await groups.Beat("assigned-two", Beat("b", b.Epoch))).Assigned!).Partitions);
        described = await groups.DescribeAssigned("assigned-two");
        Assert.Equal((GroupPhase.Stable, 2), (described.Phase, described.Members.Count));
        Assert.All(described.Members, member => Assert.Equal((2, "t"), (member.Epoch, Assert.Single(member.Topics).Text)));
        Assert.Equal(GroupKind.Consumer, Assert.Single((await groups.List()).Items, group => group.Name == "assigned-two").Kind);
    });

    [Fact]
    public Task OnlyThePresentEpochCommitsAndWhatIsCommittedIsThereForTheNext() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await Publish(broker, "t", "0", "1", "2");
        var groups = Of(broker);
        var a = await groups.Beat("assigned-offsets", Joining("a"));
        await Refused(ErrorCodes.EpochStale, () => groups.Commit("assigned-offsets", new MemberRef("a", a.Epoch + 1), [new GroupOffset("t", 0, 1)]));
        await Refused(ErrorCodes.MemberUnknown, () => groups.Commit("assigned-offsets", null, [new GroupOffset("t", 0, 1)]));
        await Refused(ErrorCodes.EpochStale, () => groups.CheckEpoch("assigned-offsets", new MemberRef("a", a.Epoch + 1)));

        Assert.All(await groups.Commit("assigned-offsets", new MemberRef("a", a.Epoch), [new GroupOffset("t", 0, 2)]), Assert.Null);

        await groups.CheckEpoch("assigned-offsets", new MemberRef("a", a.Epoch));
        Assert.Equal([new GroupOffset("t", 0, 2)], await groups.Committed("assigned-offsets"));
        Assert.Equal(2, (await broker.DescribeGroup("t", "assigned-offsets")).Partitions[0].Cursor);
    });

    [Fact]
    public Task AGroupIsOfOneKindWhileItHasMembersAndKeepsItsOffsetsWhenItBecomesTheOther() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 1 });
        await Publish(broker, "t", "0", "1", "2");
        var groups = Of(broker);
        var classic = await Until(groups.Join("assigned-kinds", Classic).AsTask());
        await groups.Sync("assigned-kinds", new MemberRef(classic.Member, classic.Generation), []);
        await groups.Commit("assigned-kinds", new MemberRef(classic.Member, classic.Generation), [new GroupOffset("t", 0, 1)]);
        await Refused(ErrorCodes.GroupUnknown, () => groups.Beat("assigned-kinds", Joining("a")));
        await Refused(ErrorCodes.GroupUnknown, () => groups.DescribeAssigned("assigned-kinds"));

        await groups.Leave("assigned-kinds", [new MemberRef(classic.Member, classic.Generation)]);
        var a = await groups.Beat("assigned-kinds", Joining("a"));
        Assert.Equal(1, Assert.Single(await groups.Committed("assigned-kinds")).Offset);
        await groups.Commit("assigned-kinds", new MemberRef("a", a.Epoch), [new GroupOffset("t", 0, 2)]);
        await Refused(ErrorCodes.ProtocolMismatch, () => groups.Join("assigned-kinds", Classic));
        await Refused(ErrorCodes.MemberUnknown, () => groups.Heartbeat("assigned-kinds", new MemberRef(classic.Member, classic.Generation)));
        await Refused(ErrorCodes.Conflict, () => groups.Delete("assigned-kinds"));

        await groups.Beat("assigned-kinds", Beat("a", MemberBeat.Leaves));
        await Until(groups.Join("assigned-kinds", Classic).AsTask());
        Assert.Equal(GroupKind.Classic, (await groups.Describe("assigned-kinds")).Kind);
        Assert.Equal(2, Assert.Single(await groups.Committed("assigned-kinds")).Offset);
    });

    [Fact]
    public Task APatternThatIsNotSaidAgainStaysAndIsToldToWhoBeats() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var groups = Of(broker);
        var a = await groups.Beat("assigned-pattern", Joining("a") with { Topics = null, Pattern = "t.*", Matched = ["t"] });
        Assert.Equal(("t.*", "t"), (a.Pattern, Assert.Single(a.Assigned!).Topic.Text));
        Assert.Equal("t.*", (await groups.Beat("assigned-pattern", Beat("a", a.Epoch))).Pattern);
        var again = await groups.Beat("assigned-pattern", Joining("a") with { Topics = [] });
        Assert.Equal((a.Epoch, "t.*", "t"), (again.Epoch, again.Pattern, Assert.Single(again.Assigned!).Topic.Text));
        Assert.Equal("", (await groups.Beat("assigned-pattern", Beat("a", a.Epoch) with { Pattern = "" })).Pattern);
    });

    [Fact]
    public Task ATopicIsReadByItsIdUntilItIsAnother() => Story(async broker =>
    {
        var first = (await broker.PutTopic("by-id", new())).Id;
        await Publish(broker, "by-id", "0");
        Assert.Null(await Read(first));
        Assert.Equal(ErrorCodes.TopicUnknown, (await Read(Guid.NewGuid()))!.Code);

        await broker.DeleteTopic("by-id");
        var second = (await broker.PutTopic("by-id", new())).Id;
        await Publish(broker, "by-id", "1");

        Assert.Equal(ErrorCodes.TopicUnknown, (await Read(first))!.Code);
        Assert.Null(await Read(second));
        Assert.Null(await Read(Guid.Empty));

        async Task<MqError?> Read(Guid id)
        {
            using var read = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor("by-id", 0, 0, TopicId: id)], MinBytes = 0 });
            var one = Assert.Single(read.Partitions);
            Assert.Equal(one.Error is null, one.Batches.Length > 0);
            return one.Error;
        }
    });

    [Fact]
    public Task WhoIsNotInIsToldToComeAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var groups = Of(broker);
        await Refused(ErrorCodes.MemberUnknown, () => groups.Beat("none", Beat("a", 3)));
        var a = await groups.Beat("out", Joining("a"));
        await Refused(ErrorCodes.EpochFenced, () => groups.Beat("out", Beat("a", a.Epoch + 1)));
        Assert.Equal([null], await groups.Leave("out", [new MemberRef("a", 0)]));
        await Refused(ErrorCodes.MemberUnknown, () => groups.Beat("out", Beat("a", a.Epoch)));
        await Refused(ErrorCodes.AssignorUnknown, () => groups.Beat("out", Joining("a") with { Assignor = "mine" }));
        await Refused(ErrorCodes.Malformed, () => groups.Beat("out", Joining("a") with { Topics = null }));
    });

    private static IGroupCoordinator Of(IBroker broker) => broker.Coordinator ?? throw new InvalidOperationException("This broker has no coordinator; leave AssignedGroupContract out.");

    private static MemberBeat Beat(string member, int epoch) => new() { Member = member, Epoch = epoch, Client = "client", Host = "here", Session = TimeSpan.FromSeconds(30) };

    private static MemberBeat Joining(string member) => Beat(member, 0) with { Rebalance = TimeSpan.FromSeconds(30), Topics = ["t"], Owned = [] };

    private static GroupJoin Classic => new() { Session = TimeSpan.FromSeconds(30), Rebalance = TimeSpan.FromSeconds(30), ProtocolType = "consumer", Protocols = [new GroupProtocol("range", default)] };
}

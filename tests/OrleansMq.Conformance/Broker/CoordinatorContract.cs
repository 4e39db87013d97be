using System.Text;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Groups whose members assign partitions themselves: one generation at a time, and only its members commit.</summary>
public abstract class CoordinatorContract : BrokerContract
{
    private static readonly byte[] Everything = "everything"u8.ToArray();

    [Fact]
    public Task AMemberAloneLeadsAndIsGivenWhatItAssigns() => Story(async broker =>
    {
        var groups = Of(broker);
        var joined = await Until(groups.Join("alone", Joining("a")).AsTask());

        Assert.Equal((joined.Member, "range"), (joined.Leader, joined.Protocol));
        Assert.Equal("about a", Encoding.UTF8.GetString(Assert.Single(joined.Members).Metadata.Span));
        var mine = await groups.Sync("alone", RefOf(joined), [new MemberAssignment(joined.Member, Everything)]);
        Assert.Equal(Everything, mine.ToArray());
        await groups.Heartbeat("alone", RefOf(joined));
        Assert.Equal(GroupPhase.Stable, (await groups.Describe("alone")).Phase);
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1_001)]
    public Task APageOfGroupsHasASizeThatCanBe(int max) => Story(broker => Refused(ErrorCodes.Malformed, async () => await Of(broker).List(max: max)));

    [Fact]
    public Task WhoComesLaterWaitsUntilAllJoinAgainAndTheLeaderAssigns() => Story(async broker =>
    {
        var groups = Of(broker);
        var first = await Until(groups.Join("two", Joining("a")).AsTask());
        await groups.Sync("two", RefOf(first), [new MemberAssignment(first.Member, Everything)]);

        var second = groups.Join("two", Joining("b")).AsTask();
        await UntilRebalance(groups, "two", first);
        Assert.False(second.IsCompleted);
        var again = await Until(groups.Join("two", Joining("a") with { Member = first.Member }).AsTask());
        var other = await Until(second);

        Assert.Equal((again.Generation, again.Leader), (other.Generation, other.Leader));
        Assert.True(again.Generation > first.Generation);
        var (leader, follower) = again.Leader == again.Member ? (again, other) : (other, again);
        Assert.Equal(2, leader.Members.Count);
        Assert.Empty(follower.Members);
        var waiting = groups.Sync("two", RefOf(follower), []).AsTask();
        await groups.Sync("two", RefOf(leader), [new MemberAssignment(leader.Member, "one"u8.ToArray()), new MemberAssignment(follower.Member, "two"u8.ToArray())]);
        Assert.Equal("two", Encoding.UTF8.GetString((await Until(waiting)).Span));
    });

    [Fact]
    public Task WhatIsCommittedIsThereForTheNextAndTheOlderGenerationCommitsNoMore() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.Publish("t", [.. Enumerable.Range(0, 5).Select(i => Text(Number(i)) with { Partition = 1 })]);
        var groups = Of(broker);
        var first = await Until(groups.Join("offsets", Joining("a")).AsTask());
        await groups.Sync("offsets", RefOf(first), []);

        Assert.All(await groups.Commit("offsets", RefOf(first), [new GroupOffset("t", 1, 3, "half way")]), Assert.Null);

        Assert.Equal([new GroupOffset("t", 1, 3, "half way")], await groups.Committed("offsets"));
        Assert.Equal(3, (await broker.DescribeGroup("t", "offsets")).Partitions[1].Cursor);
        var second = groups.Join("offsets", Joining("b")).AsTask();
        await UntilRebalance(groups, "offsets", first);
        Assert.Equal([null], await groups.Leave("offsets", [RefOf(first)]));
        await Until(second);
        await Refused(ErrorCodes.MemberUnknown, () => groups.Commit("offsets", RefOf(first), [new GroupOffset("t", 1, 4)]));
        await Refused(ErrorCodes.GenerationStale, () => groups.Heartbeat("offsets", new MemberRef(second.Result.Member, first.Generation)));
        await groups.Sync("offsets", RefOf(second.Result), []);
        Assert.Equal(3, Assert.Single(await groups.Committed("offsets", ["t"])).Offset);
        Assert.Equal(ErrorCodes.TopicUnknown, Assert.Single(await groups.Commit("offsets", RefOf(second.Result), [new GroupOffset("none", 0, 1)]))?.Code);
    });

    [Fact]
    public Task AMemberThatHasNoAssignmentYetCommitsInATransactionAlone() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.Publish("t", [Text("1")]);
        var groups = Of(broker);
        var joined = await Until(groups.Join("completing", Joining("a")).AsTask());
        Assert.Equal(GroupPhase.CompletingRebalance, (await groups.Describe("completing")).Phase);

        await Refused(ErrorCodes.RebalanceInProgress, () => groups.Commit("completing", RefOf(joined), [new GroupOffset("t", 0, 1)]));
        var producer = await broker.Transactions!.Open("id", TimeSpan.FromMinutes(1));
        await broker.Transactions.AddOffsets("id", producer, "completing", RefOf(joined), [new GroupOffset("t", 0, 1)]);
        await Refused(ErrorCodes.GenerationStale, () => broker.Transactions.AddOffsets("id", producer, "completing", RefOf(joined) with { Generation = joined.Generation - 1 }, [new GroupOffset("t", 0, 1)]));
        await broker.Transactions.End("id", producer, commit: true, newEpoch: false);

        Assert.Equal([new GroupOffset("t", 0, 1)], await groups.Committed("completing"));
    });

    [Fact]
    public Task WhereTheLogBeginsIsNotCommittedThoughTheGroupsCursorIsThere() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        for (var partition = 0; partition < 2; partition++)
        {
            await broker.Publish("t", [.. Enumerable.Range(0, 5).Select(i => Text(Number(i)) with { Partition = partition })]);
            await broker.DeleteBefore("t", partition, 3);
        }

        var groups = Of(broker);
        Assert.All(await groups.Commit("begun", null, [new GroupOffset("t", 0, 3)]), Assert.Null);
        Assert.Equal([new GroupOffset("t", 0, 3)], await groups.Committed("begun", ["t"]));

        await broker.DeleteBefore("t", 1, 4);
        Assert.Equal([new GroupOffset("t", 0, 3)], await groups.Committed("begun", ["t"]));
        await broker.Commit("t", "begun", new CommitRequest([new Position(1, 5)]));
        Assert.Equal([new GroupOffset("t", 0, 3), new GroupOffset("t", 1, 5)], await groups.Committed("begun", ["t"]));
    });

    [Fact]
    public Task AGroupIsListedUntilItIsDeletedAndNotWhileItHasMembers() => Story(async broker =>
    {
        var groups = Of(broker);
        await Refused(ErrorCodes.GroupUnknown, () => groups.Describe("listed"));
        var joined = await Until(groups.Join("listed", Joining("a")).AsTask());

        Assert.Contains((await groups.List()).Items, group => group.Name == "listed" && group.ProtocolType == "consumer");
        await Refused(ErrorCodes.Conflict, () => groups.Delete("listed"));
        Assert.Equal([null], await groups.Leave("listed", [RefOf(joined)]));
        await groups.Delete("listed");

        Assert.DoesNotContain((await groups.List()).Items, group => group.Name == "listed");
        await Refused(ErrorCodes.GroupUnknown, () => groups.Describe("listed"));
    });

    private static IGroupCoordinator Of(IBroker broker) => broker.Coordinator ?? throw new InvalidOperationException("This broker has no coordinator; leave CoordinatorContract out.");

    private static GroupJoin Joining(string client) => new()
    {
        Client = client,
        Host = "here",
        Session = TimeSpan.FromSeconds(30),
        Rebalance = TimeSpan.FromSeconds(30),
        ProtocolType = "consumer",
        Protocols = [new GroupProtocol("range", Encoding.UTF8.GetBytes($"about {client}"))],
    };

    private static MemberRef RefOf(JoinedGroup joined) => new(joined.Member, joined.Generation);

    /// <summary>Until a member hears that somebody came.</summary>
    private static async Task UntilRebalance(IGroupCoordinator groups, GroupName group, JoinedGroup member)
    {
        while (true)
        {
            try
            {
                await groups.Heartbeat(group, RefOf(member));
                await Task.Yield();
            }
            catch (MqException rebalance) when (rebalance.Code == ErrorCodes.RebalanceInProgress)
            {
                return;
            }
        }
    }
}

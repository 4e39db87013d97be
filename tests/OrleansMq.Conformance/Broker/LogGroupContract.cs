using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Log-style groups: members share the partitions, and only the present generation commits.</summary>
public abstract class LogGroupContract : BrokerContract
{
    protected static readonly TimeSpan Session = TimeSpan.FromSeconds(10);

    [Fact]
    public Task AMemberAloneHasAllPartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 3 });

        var assignment = await broker.Join("t", "g", "m-1", Session);

        Assert.Equal([0, 1, 2], assignment.Partitions);
        var group = await broker.DescribeGroup("t", "g");
        Assert.Equal((GroupStyle.Log, assignment.Generation), (group.Settings.Style, group.Generation));
        Assert.Equal([0, 1, 2], Assert.Single(group.Members).Partitions);
    });

    [Fact]
    public Task MembersShareThePartitionsInRanges() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 5 });
        await broker.Join("t", "g", "m-1", Session);
        await broker.Join("t", "g", "m-2", Session);

        var first = await broker.Join("t", "g", "m-1", Session);
        var second = await broker.Join("t", "g", "m-2", Session);

        Assert.Equal(first.Generation, second.Generation);
        Assert.Equal([0, 1, 2], first.Partitions);
        Assert.Equal([3, 4], second.Partitions);
    });

    [Fact]
    public Task JoiningAgainChangesNothing() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        var first = await broker.Join("t", "g", "m-1", Session);

        var again = await broker.Join("t", "g", "m-1", Session);

        Assert.Equal(first.Generation, again.Generation);
        Assert.Equal(first.Partitions, again.Partitions);
    });

    [Fact]
    public Task AnOlderGenerationNeitherCommitsNorLives() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");
        var first = await broker.Join("t", "g", "m-1", Session);
        await broker.Join("t", "g", "m-2", Session);

        await Refused(ErrorCodes.GenerationStale, () => broker.Heartbeat("t", "g", "m-1", first.Generation));
        await Refused(ErrorCodes.GenerationStale, () => broker.Commit("t", "g", new([new(0, 1)], "m-1", first.Generation)));

        Assert.Equal(0, (await broker.DescribeGroup("t", "g")).Partitions[0].Cursor);
        var now = await broker.Join("t", "g", "m-1", Session);
        await broker.Heartbeat("t", "g", "m-1", now.Generation);
    });

    [Fact]
    public Task WhoIsNoMemberIsToldSo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var member = await broker.Join("t", "g", "m-1", Session);

        await Refused(ErrorCodes.MemberUnknown, () => broker.Heartbeat("t", "g", "stranger", member.Generation));
        await Refused(ErrorCodes.MemberUnknown, () => broker.Commit("t", "g", new([new(0, 0)], "stranger", member.Generation)));
    });

    [Fact]
    public Task ALeavingMembersPartitionsGoToTheOthers() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.Join("t", "g", "m-1", Session);
        await broker.Join("t", "g", "m-2", Session);

        await broker.Leave("t", "g", "m-1");

        Assert.Equal([0, 1], (await broker.Join("t", "g", "m-2", Session)).Partitions);
    });

    [Fact]
    public Task ACommitMovesTheCursorToTheNextToBeRead() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await Publish(broker, "t", Numbers(0, 10));
        var member = await broker.Join("t", "g", "m-1", Session);

        await broker.Commit("t", "g", new([new(0, 3), new(1, 5)], "m-1", member.Generation));

        var partitions = (await broker.DescribeGroup("t", "g")).Partitions;
        Assert.Equal([(3, 2), (5, 0)], partitions.Select(partition => (partition.Cursor, partition.Lag)));
    });

    [Fact]
    public Task WhoReadsAloneCommitsWithoutBeingAMember() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a", "b");

        await broker.Commit("t", "g", new([new(0, 2)]));

        Assert.Equal(2, (await broker.DescribeGroup("t", "g")).Partitions[0].Cursor);
    });

    [Fact]
    public Task ACommitBeyondTheEndIsRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "a");

        await Refused(ErrorCodes.OffsetOutOfRange, () => broker.Commit("t", "g", new([new(0, 2)])));
    });

    [Fact]
    public Task ALogGroupIsNotReceivedFrom() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log });

        await Refused(ErrorCodes.Conflict, () => broker.Receive("t", "g", new()));
    });

    [Fact]
    public Task OneMemberIsActiveAndTheOthersStandBy() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log, MaxActive = 1 });
        await broker.Join("t", "g", "m-1", Session);
        await broker.Join("t", "g", "m-2", Session);

        Assert.Equal([2, 0], new[] { (await broker.Join("t", "g", "m-1", Session)).Partitions.Count, (await broker.Join("t", "g", "m-2", Session)).Partitions.Count }.OrderDescending());
        var active = Assert.Single((await broker.DescribeGroup("t", "g")).Members, member => member.Active);
        await broker.Leave("t", "g", active.Member);

        var other = active.Member == "m-1" ? "m-2" : "m-1";
        Assert.Equal([0, 1], (await broker.Join("t", "g", other, Session)).Partitions);
    });

    [Fact]
    public Task ASeekMovesTheCursor() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", Numbers(0, 5));
        await broker.Commit("t", "g", new([new(0, 5)]));

        await broker.Seek("t", "g", SeekRequest.At(new Position(0, 2)));

        Assert.Equal((2, 3), ((await broker.DescribeGroup("t", "g")).Partitions[0].Cursor, (await broker.DescribeGroup("t", "g")).Partitions[0].Lag));
    });

    [Fact]
    public Task MorePartitionsThanMembersOrFewerAllAreRead() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        for (var i = 0; i < 3; i++)
            await broker.Join("t", "g", $"m-{i}", Session);

        List<int> all = [];
        for (var i = 0; i < 3; i++)
            all.AddRange((await broker.Join("t", "g", $"m-{i}", Session)).Partitions);

        Assert.Equal([0, 1], all.Order());
    });
}

/// <inheritdoc cref="LogGroupContract"/>
public abstract class TimedLogGroupContract : BrokerContract
{
    private static readonly TimeSpan Session = TimeSpan.FromSeconds(10);

    [Fact]
    public Task ASilentMembersPartitionsMove() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.Join("t", "g", "silent", Session);
        await broker.Join("t", "g", "lively", Session);
        var lively = await broker.Join("t", "g", "lively", Session);
        Assert.Single(lively.Partitions);

        for (var i = 0; i < 5; i++)
        {
            await Time.Pass(TimeSpan.FromSeconds(3));
            try
            {
                await broker.Heartbeat("t", "g", "lively", lively.Generation);
            }
            catch (MqException e) when (e.Code == ErrorCodes.GenerationStale)
            {
                lively = await broker.Join("t", "g", "lively", Session);
            }
        }

        Assert.Equal([0, 1], lively.Partitions);
        await Refused(ErrorCodes.MemberUnknown, () => broker.Heartbeat("t", "g", "silent", lively.Generation));
    });

    [Fact]
    public Task HeartbeatsKeepAMember() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var member = await broker.Join("t", "g", "m-1", Session);

        for (var i = 0; i < 10; i++)
        {
            await Time.Pass(TimeSpan.FromSeconds(8));
            await broker.Heartbeat("t", "g", "m-1", member.Generation);
        }

        Assert.Equal(member.Generation, (await broker.DescribeGroup("t", "g")).Generation);
    });
}

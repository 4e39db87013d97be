using OrleansMq.Conformance;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Transactions;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Groups and transactional ids that nobody uses leave memory, and after a week the documents too.</summary>
public sealed class RestingTests
{
    private static readonly TransactionPartition Partition = new("t", 0);

    private readonly ManualTime _time = new();
    private readonly IDocuments _documents = new VolatileStorage().Documents;

    [Fact]
    public void AGroupThatRestsLeavesMemoryAndIsThereWhenItIsAsked() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await broker.PutTopic("t", new TopicChange());
        await broker.Publish("t", [Message.OfText("1")]);
        await using var groups = new GroupCoordinator(broker, _documents, _time, Guid.NewGuid);
        await groups.Commit("g", null, [new GroupOffset("t", 0, 1)]);
        await Assert.ThrowsAsync<MqException>(async () => await groups.Commit("g", new MemberRef("nobody", 1), []));

        _time.Advance(TimeSpan.FromMinutes(59));
        await groups.DropLapsed();
        Assert.Equal(1, groups.AtWork);
        _time.Advance(TimeSpan.FromMinutes(2));
        await groups.DropLapsed();

        Assert.Equal(0, groups.AtWork);
        Assert.Equal([new GroupOffset("t", 0, 1)], await groups.Committed("g"));
        _time.Advance(TimeSpan.FromDays(8));
        await groups.DropLapsed();
        Assert.Equal(0, groups.AtWork);
        Assert.Empty((await groups.List()).Items);
    });

    /// <summary>What is committed seldom is where the group goes on, however long ago the last commit was.</summary>
    [Fact]
    public void AGroupWhoseMemberLivesKeepsItsCursors() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(_time);
        await broker.PutTopic("t", new TopicChange { Partitions = 2 });
        await broker.Publish("t", [Message.OfText("1") with { Partition = 0 }, Message.OfText("2") with { Partition = 1 }]);
        var groups = broker.Coordinator;
        var joining = groups.Join("g", new GroupJoin { Client = "a", Host = "here", Session = TimeSpan.FromMinutes(30), Rebalance = TimeSpan.FromMinutes(1), ProtocolType = "consumer", Protocols = [new GroupProtocol("range", default)] }).AsTask();
        await _time.Pass(TimeSpan.FromSeconds(1));
        var joined = await joining;
        var member = new MemberRef(joined.Member, joined.Generation);
        await groups.Sync("g", member, []);
        Assert.All(await groups.Commit("g", member, [new GroupOffset("t", 0, 1), new GroupOffset("t", 1, 1)]), Assert.Null);

        for (var passed = TimeSpan.Zero; passed < TimeSpan.FromDays(8); passed += TimeSpan.FromMinutes(29))
        {
            await _time.Pass(TimeSpan.FromMinutes(29));
            await groups.Heartbeat("g", member);
        }

        Assert.Equal(1, (await broker.DescribeGroup("t", "g")).Partitions[1].Cursor);
        Assert.Equal([null], await groups.Leave("g", [member]));
        await _time.Pass(TimeSpan.FromDays(7) + TimeSpan.FromHours(2));
        Assert.Equal(ErrorCodes.GroupUnknown, (await Assert.ThrowsAsync<MqException>(async () => await broker.DescribeGroup("t", "g"))).Code);
    });

    [Fact]
    public void ATransactionalIdThatRestsLeavesMemoryAndIsThereWhenItIsAsked() => StoryThread.Run(async () =>
    {
        await using var transactions = new TransactionCoordinator(_documents, new ObedientParts(), _time, _ => { });
        var rests = await transactions.Open("rests", TimeSpan.FromMinutes(1));
        await transactions.AddPartitions("open", await transactions.Open("open", TimeSpan.FromMinutes(15)), [Partition]);

        _time.Advance(TimeSpan.FromMinutes(61));
        await transactions.AddPartitions("busy", await transactions.Open("busy", TimeSpan.FromMinutes(15)), [Partition]);
        await transactions.DropLapsed();

        Assert.Equal(2, transactions.AtWork);
        Assert.Equal(3, (await transactions.List()).Items.Count);
        await transactions.AddPartitions("rests", rests, [Partition]);
        _time.Advance(TimeSpan.FromDays(8));
        await transactions.DropLapsed();
        Assert.Equal(0, transactions.AtWork);
        Assert.Empty((await transactions.List()).Items);
        Assert.Equal(ErrorCodes.ProducerUnknown, (await Assert.ThrowsAsync<MqException>(async () => await transactions.AddPartitions("rests", rests, [Partition]))).Code);
    });

    [Fact]
    public void AStartKeepsInMemoryOnlyWhatIsOpen() => StoryThread.Run(async () =>
    {
        await using (var before = new TransactionCoordinator(_documents, new ObedientParts(), _time, _ => { }))
        {
            for (var i = 0; i < 20; i++)
                await before.Open($"rests {i}", TimeSpan.FromMinutes(1));
            await before.AddPartitions("open", await before.Open("open", TimeSpan.FromMinutes(1)), [Partition]);
        }

        await using var after = new TransactionCoordinator(_documents, new ObedientParts(), _time, _ => { });
        await after.Recover();

        Assert.Equal(1, after.AtWork);
        Assert.Equal(21, (await after.List()).Items.Count);
    });
}

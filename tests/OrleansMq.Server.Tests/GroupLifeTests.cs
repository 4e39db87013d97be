using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>How long a group is kept that nobody uses on one of its topics.</summary>
public sealed class GroupLifeTests : IAsyncLifetime
{
    private readonly LateSilo _cluster = new();

    public Task InitializeAsync() => _cluster.InitializeAsync();

    public Task DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task AGroupWhoseMemberLivesKeepsItsCursorsHoweverLongAgoTheLastCommitWas()
    {
        var broker = _cluster.Outside;
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.Publish("t", [Message.OfText("1") with { Partition = 0 }, Message.OfText("2") with { Partition = 1 }]);
        var groups = broker.Coordinator!;
        var joined = await groups.Join("g", new GroupJoin { Client = "a", Host = "here", Session = TimeSpan.FromMinutes(30), Rebalance = TimeSpan.FromMinutes(1), ProtocolType = "consumer", Protocols = [new GroupProtocol("range", default)] });
        var member = new MemberRef(joined.Member, joined.Generation);
        await groups.Sync("g", member, []);
        Assert.All(await groups.Commit("g", member, [new GroupOffset("t", 1, 1)]), Assert.Null);

        for (; _cluster.Clock.Late < TimeSpan.FromDays(8); _cluster.Clock.Late += TimeSpan.FromMinutes(29))
            await groups.Heartbeat("g", member);
        Assert.All(await groups.Commit("g", member, [new GroupOffset("t", 0, 1)]), Assert.Null);

        Assert.Equal([new GroupOffset("t", 0, 1), new GroupOffset("t", 1, 1)], await groups.Committed("g"));
    }

    /// <summary>Its clock can be put forward.</summary>
    private sealed class LateSilo() : BrokerCluster(1)
    {
        public LateClock Clock { get; } = new();

        protected override void Configure(ISiloBuilder silo) => silo.Services.Configure<OrleansMqOptions>(options => options.Time = Clock);
    }

    private sealed class LateClock : TimeProvider
    {
        public TimeSpan Late { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Late;
    }
}

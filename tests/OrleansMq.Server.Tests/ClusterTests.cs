using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansMq.Client;
using OrleansMq.Client.Grains;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Server.Groups;
using OrleansMq.Server.Topics;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>What only a cluster has to promise.</summary>
[Collection(nameof(TwoSilos))]
public sealed class ClusterTests(TwoSilos cluster)
{
    [Fact]
    public Task APartitionWhoseLogWasOpenedElsewhereWritesNothingMoreAndComesBack() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();
        await Append(broker, producer, 0, "1");
        var topic = await cluster.Cluster.Client.GetGrain<ITopicGrain>("t").Resolve();

        // As a second activation would.
        await using var zombie = await cluster.Storage.OpenLog(new LogId(topic.Id, 0));

        await Append(broker, producer, 1, "2");
        await Append(broker, producer, 2, "3");
        Assert.Equal(["1", "2", "3"], (await broker.ReadAll("t")).Select(message => message.BodyText));
        await Assert.ThrowsAsync<LogFencedException>(async () => await zombie.Append(new byte[64], true));
    });

    [Fact]
    public Task AGroupKeepsItsPlaceInAPartitionThatIsOpenedByWhoKnowsAnOlderOneOfItsName() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();
        var group = await broker.PutGroup("t", "g", new() { From = StartAt.Latest });
        await Append(broker, producer, 0, "1");
        var topic = await cluster.Cluster.Client.GetGrain<ITopicGrain>("t").Resolve();
        // As the topic's grain of a silo would say that the others gave up.
        await Grains.GetGrain<ITopicOwner>("t").ChangeGroup(new GroupDefinition(group.Name, Guid.NewGuid(), group.Declared, group.Settings));

        await using var zombie = await cluster.Storage.OpenLog(new LogId(topic.Id, 0));
        await Append(broker, producer, 1, "2");

        var deliveries = await broker.Receive("t", "g", new() { Max = 10, GroupId = group.Id });
        Assert.Equal(["1", "2"], deliveries.Select(delivery => delivery.BodyText));
    });

    [Fact]
    public Task WhoSettlesTakesTheGroupFromWhoHadItBefore() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { DeleteAfterIdle = (TimeSpan?)TimeSpan.FromHours(1) });
        await Append(broker, null, 0, "1");
        var topic = await cluster.Cluster.Client.GetGrain<ITopicGrain>("t").Resolve();
        var grain = cluster.Cluster.Client.GetGrain<IConsumerGroupGrain>(GrainKeys.Group(topic.Id, "t", "g"));
        var made = Stored();
        // It is loaded anew.
        await Grains.GetGrain<IGroupOwner>(grain.GetPrimaryKeyString()).LeaveSilo();
        await BrokerCluster.Until(() => cluster.IsGone(grain.GetGrainId()));

        await grain.Settle(Settlement.AcknowledgeUpTo(new Position(0, 0)));
        var taken = Stored();
        await grain.Settle(Settlement.AcknowledgeUpTo(new Position(0, 0)));

        Assert.NotEqual(made, taken);
        Assert.Equal(taken, Stored());

        string? Stored() => cluster.States.Find("documents", grain.GetGrainId())?.ETag;
    });

    [Fact]
    public Task ADeletionByIdLeavesTheNextTopicOfTheName() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var grain = cluster.Cluster.Client.GetGrain<ITopicGrain>("t");
        var before = await grain.Resolve();
        await grain.DeleteOnly(before.Id);
        await broker.PutTopic("t", new());

        Assert.Equal(ErrorCodes.TopicUnknown, (await Assert.ThrowsAsync<MqException>(() => grain.DeleteOnly(before.Id))).Code);

        Assert.NotEqual(before.Id, (await grain.Resolve()).Id);
    });

    /// <summary>The client makes a call again whose answer was lost on its way.</summary>
    [Fact]
    public async Task AJoinThatIsMadeAgainHasTheFirstOnesAnswerAndMakesNoSecondMember()
    {
        var group = cluster.Cluster.Client.GetGrain<ICoordinationGrain>("joined-twice");
        var (call, join) = (Guid.NewGuid(), new GroupJoin
        {
            ProtocolType = "consumer", Protocols = [new GroupProtocol("range", "about"u8.ToArray())], Session = TimeSpan.FromMinutes(1), Rebalance = TimeSpan.FromMinutes(1),
        });

        var first = await Answered();
        var again = await Answered();

        Assert.Equal((first.Member, first.Generation), (again.Member, again.Generation));
        Assert.Single((await group.Describe()).Members);

        // A generation may take longer to form than one call waits.
        async Task<JoinedGroup> Answered()
        {
            JoinedGroup? joined = null;
            await BrokerCluster.Until(async () => (joined = await group.Join(call, join)) is not null);
            return joined!;
        }
    }

    [Fact]
    public Task PartitionsKnowOfAChangeWhenItIsAnswered() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 4 });
        for (var p = 0; p < 4; p++)
            await Append(broker, null, 0, "a body of twenty bytes", p);

        await broker.PutTopic("t", new() { MaxMessageBytes = 10 });

        for (var p = 0; p < 4; p++)
        {
            var refusal = await Assert.ThrowsAsync<MqException>(async () => await Append(broker, null, 0, "a body of twenty bytes", p));
            Assert.Equal(ErrorCodes.MessageTooLarge, refusal.Code);
        }
    });

    [Fact]
    public Task PartitionsSayWhichSiloServesThemAndAreSpread() => Story(async broker =>
    {
        var owners = (await broker.PutTopic("t", new() { Partitions = 8 })).Partitions.Select(partition => partition.Owner).ToList();

        var nodes = (await broker.DescribeCluster()).Nodes.Select(node => node.Node).Order();
        Assert.Equal(nodes, owners.Distinct().Order());
        Assert.All(owners.GroupBy(owner => owner), owner => Assert.Equal(4, owner.Count()));
    });

    [Fact]
    public async Task EverySiloTellsOfTheGatewaysOfAll()
    {
        for (var i = 0; i < 2; i++)
            cluster.Cluster.Silos[i].ServiceProvider.GetRequiredService<IGatewayAnnouncements>().Announce("http", $"127.0.0.1:{8080 + i}");

        var gateways = (await cluster.Outside.DescribeCluster()).Nodes.Select(node => node.Gateways["http"]);

        Assert.Equal(["127.0.0.1:8080", "127.0.0.1:8081"], gateways.Order());
    }

    [Fact]
    public async Task ASiloThatServesIsHealthy()
    {
        var report = await cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<HealthCheckService>().CheckHealthAsync();

        Assert.Equal(HealthStatus.Healthy, report.Status);
        Assert.Equal(["orleansmq-live", "orleansmq-ready", "orleansmq-startup"], report.Entries.Keys.Where(name => name.StartsWith("orleansmq-", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public void SettingsThatDoNotFitAreNamed()
    {
        var check = new OrleansMqOptionsCheck();

        var result = check.Validate(null, new OrleansMqOptions { IdleAge = TimeSpan.FromMinutes(1), SnapshotBytes = 1 });

        Assert.True(result.Failed);
        Assert.Contains(result.Failures!, failure => failure.Contains("OrleansMq:IdleAge", StringComparison.Ordinal));
        Assert.Contains(result.Failures!, failure => failure.Contains("OrleansMq:SnapshotBytes", StringComparison.Ordinal));
    }

    [Fact]
    public Task ManyBatchesOfAProducerOnTheirWayAtOnceKeepTheirOrder() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();

        await Task.WhenAll(Enumerable.Range(0, 500).Select(n => Append(broker, producer, n, $"{n}")));

        Assert.Equal(Enumerable.Range(0, 500).Select(n => $"{n}"), (await broker.ReadAll("t")).Select(message => message.BodyText));
    });

    [Fact]
    public Task OfSeveralBatchesInOneCallOneThatGetsNoOutcomeKeepsNoOthersBack() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 1L, WhenFull = WhenFull.Wait });
        var partition = await PartitionGrain("t");
        var waits = new AppendTerms(false, null, null, TimeSpan.FromMinutes(1), "", null, null);

        var outcomes = await partition.AppendAll([new(Batch("a"), waits), new(Batch("b"), waits)]);

        Assert.Null(outcomes[0].Error);
        Assert.Equal(ErrorCodes.OutcomeUnknown, outcomes[1].Error?.Code);
    });

    [Fact]
    public Task MoreBatchesInOneCallThanMayGoAreRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var partition = await PartitionGrain("t");

        var refusal = await Assert.ThrowsAsync<MqException>(() => partition.AppendAll([.. Enumerable.Repeat(new AppendPart(Batch("a"), default), AppendQueue.MaxParts + 1)]));

        Assert.Equal(ErrorCodes.Malformed, refusal.Code);
        Assert.Empty(await broker.ReadAll("t"));
    });

    [Fact]
    public void ACallOfAppendsThatAMessageCannotHoldIsRefusedAtTheStart()
    {
        using var host = new HostBuilder()
            .UseOrleansClient(client => client
                .UseLocalhostClustering()
                .Configure<ClientMessagingOptions>(messaging => messaging.MaxMessageBodySize = 1 << 20)
                .AddOrleansMq(broker => broker.AppendCallBytes = (1 << 19) + 1))
            .Build();

        var refusal = Assert.Throws<OptionsValidationException>(host.Services.GetRequiredService<IBroker>);

        Assert.Contains(nameof(ClusterBrokerOptions.AppendCallBytes), refusal.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(MessagingOptions.MaxMessageBodySize), refusal.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ClusterBrokerOptions { AppendCallBytes = -1 }.Validate());
        Assert.Equal(64 << 10, new ClusterBrokerOptions().AppendCallBytes);
    }

    private static async Task Append(IBroker broker, ProducerIdentity? producer, int sequence, string body, int partition = 0) =>
        await broker.Append(new()
        {
            Topic = "t",
            Partition = partition,
            Batch = Batch(body),
            Producer = producer is { } known ? new ProducerSequence(known.Id, known.Epoch, sequence) : null,
        });

    private static byte[] Batch(string body)
    {
        var batch = new RecordBatchBuilder(100);
        MessageCodec.Append(batch, new Message { Body = System.Text.Encoding.UTF8.GetBytes(body) }, 1);
        return batch.ToArray();
    }

    private async Task<IPartitionGrain> PartitionGrain(TopicName topic)
    {
        var target = await cluster.Cluster.Client.GetGrain<ITopicGrain>(topic.Text).Resolve();
        return cluster.Cluster.Client.GetGrain<IPartitionGrain>(GrainKeys.Partition(target.Id, topic, 0));
    }

    /// <summary>Those of the first silo, which knows the calls that are the servers' own.</summary>
    private IGrainFactory Grains => cluster.Cluster.Silos[0].ServiceProvider.GetRequiredService<IGrainFactory>();

    private async Task Story(Func<IBroker, Task> story)
    {
        await using var host = cluster.ForStory(cluster.Outside);
        await story(host.Broker);
    }
}

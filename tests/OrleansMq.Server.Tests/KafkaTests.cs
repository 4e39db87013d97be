using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using OrleansMq.Gateways.Kafka;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>Kafka's clients on a cluster: a gateway in each silo, Confluent's client unmodified.</summary>
public sealed class KafkaTests : IAsyncLifetime
{
    private const int Partitions = 6;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ThreeSilos _cluster = new();
    private readonly List<(InProcessSiloHandle Silo, KafkaGateway Gateway)> _gateways = [];

    public async Task InitializeAsync()
    {
        await _cluster.InitializeAsync();
        foreach (var silo in _cluster.Cluster.Silos)
        {
            var gateway = await KafkaGateway.Start(silo.ServiceProvider.GetRequiredService<IBroker>(), new KafkaGatewayOptions { Port = 0, Node = silo.Name, ConsumerSession = TimeSpan.FromSeconds(20), ConsumerHeartbeat = TimeSpan.FromMilliseconds(200) });
            silo.ServiceProvider.GetRequiredService<IGatewayAnnouncements>().Announce(gateway.Name, gateway.Announced);
            _gateways.Add((silo, gateway));
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var (_, gateway) in _gateways)
            await gateway.DisposeAsync();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task ClientsLearnWhichSiloHasEachPartition()
    {
        var topic = await _cluster.Outside.PutTopic("t", new() { Partitions = Partitions });
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = _gateways[0].Gateway.Address }).Build();

        var metadata = admin.GetMetadata("t", Patience);

        Assert.Equal(_gateways.Select(each => each.Gateway.Address).Order(), metadata.Brokers.Select(broker => $"{broker.Host}:{broker.Port}").Order());
        var addresses = metadata.Brokers.ToDictionary(broker => broker.BrokerId, broker => $"{broker.Host}:{broker.Port}");
        var nodes = (await _cluster.Outside.DescribeCluster()).Nodes.ToDictionary(node => node.Node, node => node.Gateways["kafka"]);
        Assert.Equal(
            topic.Partitions.Select(partition => nodes[partition.Owner]),
            metadata.Topics[0].Partitions.OrderBy(partition => partition.PartitionId).Select(partition => addresses[partition.Leader]));
        Assert.Equal(3, metadata.Topics[0].Partitions.Select(partition => partition.Leader).Distinct().Count());
    }

    [Fact]
    public async Task EverySilosClientsLearnWhereTheOtherSilosAreAdvertised()
    {
        var silo = _cluster.Cluster.Silos[0];
        await using var advertised = await KafkaGateway.Start(silo.ServiceProvider.GetRequiredService<IBroker>(), new KafkaGatewayOptions { Port = 0, Node = silo.Name, Advertise = "silo0.example:9092" });
        silo.ServiceProvider.GetRequiredService<IGatewayAnnouncements>().Announce(advertised.Name, advertised.Announced);

        foreach (var asked in new[] { advertised.Address, _gateways[1].Gateway.Address })
        {
            using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = asked }).Build();
            var brokers = admin.GetMetadata(Patience).Brokers.Select(broker => $"{broker.Host}:{broker.Port}").Order();
            Assert.Equal(new[] { "silo0.example:9092", _gateways[1].Gateway.Address, _gateways[2].Gateway.Address }.Order(), brokers);
        }
    }

    [Theory]
    [InlineData(Confluent.Kafka.GroupProtocol.Classic)]
    [InlineData(Confluent.Kafka.GroupProtocol.Consumer)]
    public async Task AGroupGoesOnWhereItCommittedWhenTheSiloOfItsCoordinatorIsKilled(Confluent.Kafka.GroupProtocol protocol)
    {
        const int Count = 300;
        var broker = _cluster.Outside;
        await broker.PutTopic("t", new() { Partitions = Partitions });
        using var first = Consumer(protocol: protocol);
        using var second = Consumer(protocol: protocol);
        first.Subscribe("t");
        second.Subscribe("t");
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        await BrokerCluster.Until(() => Take(first, seen) + Take(second, seen) >= 0 && first.Assignment.Count == 3 && second.Assignment.Count == 3);
        Produce(0, Count);
        await BrokerCluster.Until(() => Take(first, seen) + Take(second, seen) >= 0 && seen.Count == Count);
        Commit(first);
        Commit(second);
        Assert.Equal(Count, (await broker.Coordinator!.Committed("team", ["t"])).Sum(offset => offset.Offset));
        Assert.All(seen, each => Assert.Equal(1, each.Value));

        var coordinator = await CoordinatorsSilo();
        var lost = _gateways.Single(each => each.Silo.SiloAddress.Equals(coordinator));
        await _cluster.Cluster.KillSiloAsync(lost.Silo);
        await lost.Gateway.DisposeAsync();

        Produce(Count, Count);
        await BrokerCluster.Until(() => Take(first, seen) + Take(second, seen) >= 0 && seen.Count == 2 * Count);
        Assert.Equal(2, protocol == Confluent.Kafka.GroupProtocol.Consumer ? (await broker.Coordinator!.DescribeAssigned("team")).Members.Count : (await broker.Coordinator!.Describe("team")).Members.Count);
        // What was committed before the loss does not come again.
        Assert.All(seen.Where(each => int.Parse(each.Key, System.Globalization.CultureInfo.InvariantCulture) < Count), each => Assert.Equal(1, each.Value));
        first.Close();
        second.Close();
    }

    [Fact]
    public async Task ConsumeTransformProduceIsWholeOrNothing()
    {
        const int Count = 6;
        await _cluster.Outside.PutTopic("t", new() { Partitions = Partitions });
        await _cluster.Outside.PutTopic("out", new() { Partitions = Partitions });
        Produce(0, Count);
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = Bootstrap, TransactionalId = "etl" }).Build();
        producer.InitTransactions(Patience);
        using var consumer = Consumer();
        consumer.Subscribe("t");
        var seen = new List<string>();
        for (var i = 0; i < Count; i++)
        {
            var message = consumer.Consume(Patience);
            producer.BeginTransaction();
            // To two partitions each, so that a transaction has to do with more than one silo.
            foreach (var partition in (int[])[i, (i + 1) % Partitions])
                producer.Produce(new TopicPartition("out", partition), new Message<Null, string> { Value = message.Message.Value });
            producer.SendOffsetsToTransaction([new TopicPartitionOffset(message.TopicPartition, message.Offset + 1)], consumer.ConsumerGroupMetadata, Patience);
            if (i == Count - 1)
            {
                producer.Flush(Patience);
                producer.AbortTransaction(Patience);
                continue;
            }
            producer.CommitTransaction(Patience);
            seen.Add(message.Message.Value);
        }
        Assert.Equal(Count - 1, (await _cluster.Outside.Coordinator!.Committed("team", ["t"])).Sum(offset => offset.Offset));
        consumer.Close();

        using var reader = Consumer("reader", untilTheEnd: true);
        reader.Subscribe("out");
        var read = new List<string>();
        for (var ends = 0; ends < Partitions;)
        {
            var next = reader.Consume(Patience) ?? throw new TimeoutException($"{read.Count} messages came, and {ends} partitions were read to their end.");
            if (next.IsPartitionEOF)
                ends++;
            else
                read.Add(next.Message.Value);
        }
        Assert.Equal(seen.SelectMany(value => (string[])[value, value]).Order(), read.Order());
        reader.Close();
    }

    private string Bootstrap => string.Join(',', _gateways.Select(each => each.Gateway.Address));

    private async Task<SiloAddress> CoordinatorsSilo() =>
        (await _cluster.Cluster.Client.GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics())
            .Single(grain => grain.GrainType.Contains("CoordinationGrain", StringComparison.Ordinal) && grain.GrainId.Key.ToString() == "team").SiloAddress;

    private void Produce(int from, int count)
    {
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = Bootstrap, EnableIdempotence = true, MessageTimeoutMs = 60_000 }).Build();
        for (var i = from; i < from + count; i++)
            producer.Produce(new TopicPartition("t", i % Partitions), new Message<Null, string> { Value = i.ToString(System.Globalization.CultureInfo.InvariantCulture) });
        Assert.Equal(0, producer.Flush(Patience));
    }

    private IConsumer<Ignore, string> Consumer(string group = "team", bool untilTheEnd = false, Confluent.Kafka.GroupProtocol protocol = Confluent.Kafka.GroupProtocol.Classic) => new ConsumerBuilder<Ignore, string>(new ConsumerConfig
    {
        BootstrapServers = Bootstrap,
        GroupId = group,
        AutoOffsetReset = AutoOffsetReset.Earliest,
        EnableAutoCommit = false,
        EnablePartitionEof = untilTheEnd,
        GroupProtocol = protocol,
        // Where the broker assigns they are the broker's to say.
        SessionTimeoutMs = protocol == Confluent.Kafka.GroupProtocol.Consumer ? null : 20_000,
        HeartbeatIntervalMs = protocol == Confluent.Kafka.GroupProtocol.Consumer ? null : 200,
    }).Build();

    private static int Take(IConsumer<Ignore, string> consumer, Dictionary<string, int> seen)
    {
        var taken = 0;
        while (consumer.Consume(TimeSpan.FromMilliseconds(50)) is { } message)
        {
            seen[message.Message.Value] = seen.GetValueOrDefault(message.Message.Value) + 1;
            taken++;
        }
        return taken;
    }

    private static void Commit(IConsumer<Ignore, string> consumer) => consumer.Commit();
}

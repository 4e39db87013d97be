namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Which node is which, to a client.</summary>
public sealed class BrokerMapTests
{
    private static ClusterDescription Cluster(params (string Node, string? Kafka)[] nodes) =>
        new("", [.. nodes.Select(node => new NodeDescription(node.Node, node.Kafka is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["kafka"] = node.Kafka }))]);

    [Fact]
    public void TwoNodesThatListenAlikeAreToldApartByTheirNames()
    {
        var cluster = Cluster(("a", "0.0.0.0:9092"), ("b", "0.0.0.0:9092"));

        var map = BrokerMap.Of(cluster, "b", "0.0.0.0:9092", "10.0.0.2:9092");

        Assert.Equal(("b", "10.0.0.2"), (map.Self.Node, map.Self.Host));
        Assert.Equal([("a", "0.0.0.0"), ("b", "10.0.0.2")], map.All.Select(node => (node.Node, node.Host)));
        Assert.NotEqual(map.LeaderOf("a"), map.LeaderOf("b"));
    }

    [Fact]
    public void EveryNodeTellsClientsWhereTheOthersAreAdvertised()
    {
        var cluster = Cluster(("a", "a.example:9092"), ("b", "b.example:9093"));

        var (atA, atB) = (BrokerMap.Of(cluster, "a", "a.example:9092", "a.example:9092"), BrokerMap.Of(cluster, "b", "b.example:9093", "b.example:9093"));

        Assert.Equal(atA.All, atB.All);
        Assert.Equal(["a.example:9092", "b.example:9093"], atA.All.Select(node => $"{node.Host}:{node.Port}"));
        Assert.Equal(("a", "b"), (atA.Self.Node, atB.Self.Node));
    }

    [Theory]
    [InlineData("a")]
    [InlineData(null)]
    public void ANodeIsThereForItsClientsBeforeItWasAnnounced(string? name)
    {
        var map = BrokerMap.Of(Cluster(("a", null)), name, "127.0.0.1:9092", "127.0.0.1:9092");

        Assert.Equal(("a", map.Self.Id), (map.Self.Node, map.LeaderOf("a")));
    }

    [Fact]
    public async Task AGatewayAnnouncesWhereItIsAdvertised()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await using var gateway = await KafkaGateway.Start(broker, new KafkaGatewayOptions { Port = 0, Advertise = "broker.example:9092" });
        await using var plain = await KafkaGateway.Start(broker, new KafkaGatewayOptions { Port = 0 });

        Assert.Equal(("broker.example:9092", plain.Address), (gateway.Announced, plain.Announced));
    }
}

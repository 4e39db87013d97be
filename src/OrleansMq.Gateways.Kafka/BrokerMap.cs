using System.Globalization;
using System.Net;
using System.Text;
using OrleansMq.Gateways.Kafka.Protocol;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Kafka;

/// <summary>A node as Kafka's clients know it.</summary>
internal sealed record KafkaNode(int Id, string Host, int Port, string Node)
{
    public void Write(KafkaWriter writer)
    {
        writer.Int32(Id);
        writer.String(Host);
        writer.Int32(Port);
    }
}

/// <summary>The nodes whose Kafka gateways answer, with the numbers that Kafka wants for them.</summary>
internal sealed class BrokerMap
{
    public const string ClusterId = "orleansmq";
    private const string GatewayName = KafkaGateway.GatewayName;

    private readonly Dictionary<string, KafkaNode> _byNode;

    private BrokerMap(Dictionary<string, KafkaNode> byNode, KafkaNode self) => (_byNode, Self) = (byNode, self);

    /// <summary>This node.</summary>
    public KafkaNode Self { get; }

    public IReadOnlyCollection<KafkaNode> Nodes => _byNode.Values;

    public IReadOnlyList<KafkaNode> All => [.. _byNode.Values];

    /// <summary>Every node does what a controller does, so it is any.</summary>
    public int Controller => _byNode.Values.Min(node => node.Id);

    /// <returns>-1: no Kafka gateway answers there.</returns>
    public int LeaderOf(string node) => _byNode.TryGetValue(node, out var found) ? found.Id : -1;

    /// <param name="name">This node's. Null: it is the first that is announced as this gateway is, which tells nodes apart only where no two are.</param>
    /// <param name="announced">Where this gateway is to be found, as it was announced.</param>
    /// <param name="advertised">Where this client finds this node.</param>
    public static BrokerMap Of(ClusterDescription cluster, string? name, string announced, string advertised)
    {
        var byNode = new Dictionary<string, KafkaNode>(StringComparer.Ordinal);
        var taken = new HashSet<int>();
        KafkaNode? self = null;
        foreach (var node in cluster.Nodes.OrderBy(node => node.Node, StringComparer.Ordinal))
        {
            var address = node.Gateways.GetValueOrDefault(GatewayName);
            // A single node is this one, also before it was announced.
            var isSelf = name is not null ? node.Node == name : self is null && (address == announced || (address is null && cluster.Nodes.Count == 1));
            if (address is null && !isSelf)
                continue;
            var (host, port) = Split(isSelf ? advertised : address!);
            var known = new KafkaNode(IdOf(node.Node, taken), host, port, node.Node);
            byNode[node.Node] = known;
            if (isSelf)
                self ??= known;
        }
        if (self is null)
        {
            var (host, port) = Split(advertised);
            self = new KafkaNode(IdOf(name ?? announced, taken), host, port, name ?? announced);
            byNode[self.Node] = self;
        }
        return new BrokerMap(byNode, self);
    }

    public static (string Host, int Port) Split(string address)
    {
        var colon = address.LastIndexOf(':');
        return (address[..colon].Trim('[', ']'), int.Parse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture));
    }

    /// <summary>What a client is told where this gateway listens everywhere: the address it reached.</summary>
    public static string Advertise(string own, IPEndPoint? reached)
    {
        var (host, port) = Split(own);
        return reached is not null && IPAddress.TryParse(host, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            ? new IPEndPoint(reached.Address.IsIPv4MappedToIPv6 ? reached.Address.MapToIPv4() : reached.Address, port).ToString()
            : own;
    }

    /// <summary>The same on every node and after every restart: from the name. Two names that meet are told apart in their order.</summary>
    private static int IdOf(string node, HashSet<int> taken)
    {
        var id = (int)(Crc32C.Compute(Encoding.UTF8.GetBytes(node)) % 1_000_000) + 1;
        while (!taken.Add(id))
            id++;
        return id;
    }
}

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace OrleansMq.Webhooks;

/// <summary>
/// Which IP addresses a request may go to: public ones, and the networks that a rule names. Asked when a connection is made, of the address that is connected to, so that a name which
/// resolves to something else a moment later gains nothing.
/// </summary>
internal static class CallableAddresses
{
    /// <summary>Says nothing of where a name leads: else whoever registers webhooks could look names of the operator's network up by them.</summary>
    public const string Refusal = "it leads nowhere, or to what may not be called: what is not public, and in no network that a rule names";

    // IANA's special-purpose registries: what is not globally reachable, and what is no single receiver; and Azure's own address of each of its machines' hosts.
    private static readonly IPNetwork[] NotPublic =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
            "::/127", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        }.Select(text => IPNetwork.Parse(text)),
    ];

    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");
    private static readonly IPNetwork Compatible = IPNetwork.Parse("::/96");

    public static bool MayBeCalled(IPAddress address, WebhookRules rules)
    {
        var meant = Meant(address);
        return rules.Networks.Any(network => Contains(network, meant)) || !NotPublic.Any(network => Contains(network, meant));
    }

    /// <summary>Connects to the first of the name's addresses that may be called and answers.</summary>
    public static async ValueTask<Stream> Connect(DnsEndPoint to, WebhookRules rules, CancellationToken cancel)
    {
        var found = await AddressesOf(to.Host, cancel);
        var callable = found.Where(address => MayBeCalled(address, rules)).ToArray();
        if (callable.Length == 0)
            throw new NotCallableException($"{to.Host} is at {string.Join(", ", found.Select(address => address.ToString()))}, which may not be called: it is not public, and no rule names its network.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(callable, to.Port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<IPAddress[]> AddressesOf(string host, CancellationToken cancel)
    {
        try
        {
            return await Dns.GetHostAddressesAsync(host, cancel);
        }
        catch (SocketException unknown)
        {
            throw new NotCallableException($"{host} was not found: {unknown.Message}");
        }
    }

    // An IPv4 address in an IPv6 one's clothes leads to the IPv4 one.
    private static IPAddress Meant(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        var bytes = address.GetAddressBytes();
        if (Nat64.Contains(address) || (Compatible.Contains(address) && BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(12)) > 1))
            return new IPAddress(bytes.AsSpan(12, 4));
        return SixToFour.Contains(address) ? new IPAddress(bytes.AsSpan(2, 4)) : new IPAddress(bytes);
    }

    private static bool Contains(IPNetwork network, IPAddress address) => network.BaseAddress.AddressFamily == address.AddressFamily && network.Contains(address);
}

/// <summary>A name leads to no address that may be called. Its text has the addresses: it is for the operator.</summary>
internal sealed class NotCallableException(string message) : HttpRequestException(message);

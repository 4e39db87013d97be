using System.Net;

namespace OrleansMq.Gateways;

/// <summary>Where somebody comes from, as quotas and the audit trail name it: an IPv4 address is written as one, also where the listener speaks IPv6.</summary>
public static class PeerAddress
{
    public static string Of(IPAddress? address) => address is null ? "" : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
}

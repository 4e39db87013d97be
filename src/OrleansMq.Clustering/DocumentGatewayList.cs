using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Messaging;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Clustering;

/// <summary>The gateways that a client may connect to: every active silo of the membership table that has one.</summary>
internal sealed class DocumentGatewayList(IDocuments documents, IOptions<ClusterOptions> cluster, IOptions<GatewayOptions> gateways) : IGatewayListProvider
{
    private readonly MembershipStore _store = new(documents, cluster.Value.ClusterId);

    public TimeSpan MaxStaleness => gateways.Value.GatewayListRefreshPeriod;

    [Obsolete("Orleans takes every list as one that may change.")]
    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    /// <summary>A client may be up before the first silo: then there are none yet, and it asks again.</summary>
    public async Task<IList<Uri>> GetGateways() =>
        await _store.TryRead() is { } table ? [.. table.Rows.Where(row => row is { Status: SiloStatus.Active, ProxyPort: > 0 }).Select(Uri)] : [];

    private static Uri Uri(MembershipRow row)
    {
        var silo = SiloAddress.FromParsableString(row.Address);
        return SiloAddress.New(silo.Endpoint.Address, row.ProxyPort, silo.Generation).ToGatewayUri();
    }
}

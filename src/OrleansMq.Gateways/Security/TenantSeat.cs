using OrleansMq.Access;

namespace OrleansMq.Gateways;

/// <summary>What one connection counts as in the quotas of tenants: once for each whose principals came in by it. A feature of the connection.</summary>
public sealed class TenantSeat(QuotaDesk quotas)
{
    private readonly HashSet<string> _tenants = new(StringComparer.Ordinal);
    private bool _over;

    /// <returns>Null, or why not: the tenant has as many connections as it may.</returns>
    public MqException? Take(Principal who)
    {
        lock (_tenants)
        {
            if (quotas.TenantOf(who) is not { } tenant || _over || _tenants.Contains(tenant))
                return null;
            if (quotas.ConnectTenant(tenant) is { } refusal)
                return refusal;
            _tenants.Add(tenant);
            return null;
        }
    }

    /// <summary>The connection is closed.</summary>
    public void GiveBack()
    {
        lock (_tenants)
        {
            _over = true;
            foreach (var tenant in _tenants)
                quotas.DisconnectTenant(tenant);
            _tenants.Clear();
        }
    }
}

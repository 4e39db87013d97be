using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrleansMq.Server;

namespace Orleans.Hosting;

/// <summary>Health checks of the broker on a silo. None does any I/O: a slow disk must not make an orchestrator kill the process that waits for it.</summary>
public static class OrleansMqHealth
{
    /// <summary>
    /// Adds three checks: <c>orleansmq-startup</c> (tag <c>startup</c>: the silo has become active once), <c>orleansmq-ready</c> (tag <c>ready</c>: it is active now and
    /// not leaving), <c>orleansmq-live</c> (tag <c>live</c>: the process answers).
    /// </summary>
    public static IHealthChecksBuilder AddOrleansMq(this IHealthChecksBuilder builder) => builder
        .Add(Check("orleansmq-startup", "startup", silo => silo.HasStarted, "The silo has not become active yet."))
        .Add(Check("orleansmq-ready", "ready", silo => silo.IsServing, "The silo is not active."))
        .Add(Check("orleansmq-live", "live", _ => true, ""));

    private static HealthCheckRegistration Check(string name, string tag, Func<BrokerSilo, bool> healthy, string otherwise) => new(
        name, services => new SiloCheck(services.GetRequiredService<BrokerSilo>(), healthy, otherwise), HealthStatus.Unhealthy, [tag]);

    private sealed class SiloCheck(BrokerSilo silo, Func<BrokerSilo, bool> healthy, string otherwise) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(healthy(silo) ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(otherwise));
    }
}

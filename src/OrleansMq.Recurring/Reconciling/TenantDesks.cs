namespace OrleansMq;

/// <summary>A <see cref="ReconcileDesk"/> for each tenant that has schedules: it sees the tenant's topics alone, and counts towards the tenant's quotas.</summary>
public sealed class TenantDesks : IAsyncDisposable
{
    /// <summary>More tenants with schedules than this are told of, and not gone by.</summary>
    public const int MaxTenants = 1_000;

    private readonly IBroker _broker;
    private readonly Func<string, IBroker> _ofTenant;
    private readonly Action<string> _report;
    private readonly TimeProvider _time;
    private readonly Dictionary<string, ReconcileDesk> _desks = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _looking;
    private long _next;
    private string? _told;

    /// <param name="broker">Not owned; with the broker's own rights.</param>
    /// <param name="ofTenant">The broker as a tenant has it, to act there by itself. Not owned.</param>
    /// <param name="report">Told of what fails, with the tenant's name.</param>
    public TenantDesks(IBroker broker, Func<string, IBroker> ofTenant, Action<string>? report = null, TimeProvider? time = null)
    {
        (_broker, _ofTenant, _report, _time) = (broker, ofTenant, report ?? (_ => { }), time ?? TimeProvider.System);
        _looking = Look();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _looking;
        await Task.WhenAll(_desks.Values.Select(desk => desk.DisposeAsync().AsTask()));
        _stop.Dispose();
    }

    private async Task Look()
    {
        await Task.Yield();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await TakeUp(_stop.Token);
                _told = null;
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (MqException none) when (none.Code == ErrorCodes.TopicUnknown)
            {
                // No tenant has set any yet.
                _next = 0;
            }
            catch (Exception e)
            {
                Tell($"Tenants with schedules of reconciliations can't be read, and are read again: {e.Message}");
            }

            await Task.Delay(ReconcileDesk.LookEvery, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task TakeUp(CancellationToken cancel)
    {
        // Fewer than were read: it was deleted, and made anew.
        if (await _broker.FindOffset(ScheduleTopics.Tenants, 0, StartAt.Latest, cancel) < _next)
            _next = 0;
        await foreach (var message in _broker.Browse(ScheduleTopics.Tenants, 0, StartAt.Offset(_next), cancel: cancel))
        {
            Begin(message.KeyText ?? "");
            _next = message.Position.Offset + 1;
        }
    }

    private void Begin(string tenant)
    {
        if (_desks.ContainsKey(tenant))
            return;
        if (_desks.Count >= MaxTenants)
            _report($"Tenant {tenant} has schedules of reconciliations, and {MaxTenants} have some already, all that are gone by.");
        else
            _desks[tenant] = new ReconcileDesk(_ofTenant(tenant), line => _report($"Tenant {tenant}: {line}"), _time);
    }

    /// <summary>Once for each trouble.</summary>
    private void Tell(string line)
    {
        if (_told == line)
            return;
        _told = line;
        _report(line);
    }
}

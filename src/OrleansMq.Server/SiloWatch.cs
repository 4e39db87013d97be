namespace OrleansMq.Server;

/// <summary>What a silo does over and over from when it serves until it stops.</summary>
internal abstract class SiloWatch(BrokerSilo silo) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>So long after a fault it begins again.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        GetType().Name, ServiceLifecycleStage.Active,
        _ =>
        {
            _watching = Run();
            return Task.CompletedTask;
        },
        async _ =>
        {
            await _stopping.CancelAsync();
            await _watching;
        });

    protected BrokerSilo Silo { get; } = silo;

    protected abstract Task Watch(CancellationToken stopping);

    private async Task Run()
    {
        // Not in the start itself: it does not wait for grains.
        await Task.Yield();
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await Watch(_stopping.Token);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                // The silo stops.
            }
            catch (Exception fault)
            {
                Silo.Report($"{GetType().Name} failed, and begins again: {fault}");
                await Task.Delay(Pause, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}

namespace OrleansMq.Server;

/// <summary>What a silo does over and over from when it serves until it stops.</summary>
internal abstract class SiloWatch : ILifecycleParticipant<ISiloLifecycle>
{
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

    protected abstract Task Watch(CancellationToken stopping);

    private async Task Run()
    {
        // Not in the start itself: it does not wait for grains.
        await Task.Yield();
        try
        {
            await Watch(_stopping.Token);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The silo stops.
        }
    }
}

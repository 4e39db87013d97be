namespace OrleansMq.Server.Deadlines;

/// <summary>
/// Keeps the grains that wake sleeping partitions at work, wherever they are: each silo calls on all of them, so that they are there after any loss and after a
/// start of the whole cluster. One call each ten seconds is little beside what it saves: no silo needs to know which partitions were open on one that is lost.
/// </summary>
internal sealed class DeadlineWatch(BrokerSilo silo, IGrainFactory grains) : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stopping = new();
    private Task _watching = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(DeadlineWatch), ServiceLifecycleStage.Active,
        _ =>
        {
            _watching = Watch();
            return Task.CompletedTask;
        },
        async _ =>
        {
            await _stopping.CancelAsync();
            await _watching;
        });

    private async Task Watch()
    {
        // Not in the start itself: it does not wait for grains.
        await Task.Yield();
        try
        {
            while (true)
            {
                await Task.WhenAll(Enumerable.Range(0, DeadlineGrain.Shards).Select(CallOn));
                await Task.Delay(Interval, _stopping.Token);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The silo stops.
        }
    }

    private async Task CallOn(int shard)
    {
        try
        {
            await GrainCalls.Ask(() => grains.GetGrain<IDeadlineGrain>(shard).Watch()).WaitAsync(_stopping.Token);
        }
        catch (MqException failure)
        {
            silo.Report($"Deadlines, share {shard}: it does not answer, and is called again: {failure.Message}");
        }
    }
}


namespace OrleansMq.Server.Placement;

/// <summary>What lives on a silo and can be asked to go.</summary>
internal interface ILeaver
{
    /// <summary>Lets nobody wait here any more.</summary>
    void BeginLeaving();

    /// <summary>Goes as soon as what is at work is done; the next call finds it elsewhere.</summary>
    Task Leave();
}

/// <summary>
/// Moves partitions and groups when silos join or leave: what belongs elsewhere now is closed here, a few at a time, and opened there at the next call. They are
/// closed and opened, not migrated: the log must be opened at a higher epoch in any case, and a snapshot saved at the closing makes that quick.
/// </summary>
internal sealed class Resettling(BrokerSilo silo, ISiloStatusOracle silos) : ILifecycleParticipant<ISiloLifecycle>, ISiloStatusListener
{
    /// <summary>Silos that join together are counted together.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly CancellationTokenSource _stopping = new();
    private int _round;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(Resettling), ServiceLifecycleStage.Active,
        _ =>
        {
            silos.SubscribeToSiloStatusEvents(this);
            silo.Serving();
            return Task.CompletedTask;
        },
        async _ =>
        {
            silo.Stopping();
            silos.UnSubscribeFromSiloStatusEvents(this);
            await _stopping.CancelAsync();
            // Who waits here for messages is let go now, so that closing does not wait for them.
            foreach (var (_, resident) in silo.Residents)
                resident.BeginLeaving();
        });

    public void SiloStatusChangeNotification(SiloAddress updatedSilo, SiloStatus status)
    {
        if (status is SiloStatus.Active or SiloStatus.Dead or SiloStatus.ShuttingDown && !updatedSilo.Equals(silo.Address))
            _ = MoveLater(Interlocked.Increment(ref _round));
    }

    private async Task MoveLater(int round)
    {
        try
        {
            // Until a round has nothing to move: one that was opened again before all silos knew of the new one is here again.
            int moved;
            do
            {
                moved = 0;
                await Task.Delay(Settle, _stopping.Token);
                foreach (var (id, resident) in silo.Residents)
                {
                    if (round != Volatile.Read(ref _round))
                        return;
                    if (BelongsElsewhere(id, resident))
                    {
                        moved++;
                        await silo.Move(id);
                        await Task.Delay(Pause, _stopping.Token);
                    }
                }
            }
            while (moved > 0);
        }
        catch (OperationCanceledException)
        {
            // The silo stops, and everything on it goes anyway.
        }
    }

    private bool BelongsElsewhere(GrainId id, ILeaver resident)
    {
        var active = silo.ActiveSilos;
        if (active.Count == 0)
            return false;
        var key = id.Key.ToString()!;
        var home = resident is Partitions.PartitionGrain ? Spread.OfPartition(key, active) : Spread.OfGroup(key, active);
        return !home.Equals(silo.Address);
    }
}

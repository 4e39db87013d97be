using Microsoft.Extensions.Logging;

namespace OrleansMq.Server.Placement;

/// <summary>What lives on a silo and can be asked to go.</summary>
internal interface ILeaver
{
    /// <summary>Where it belongs, of those that there are.</summary>
    SiloAddress HomeAmong(IReadOnlyList<SiloAddress> silos);

    /// <summary>Lets nobody wait here any more.</summary>
    void BeginLeaving();
}

/// <summary>The call with which a silo lets one of its residents go, so that it happens in the resident's own turn.</summary>
[Alias("OrleansMq.IMovableGrain")]
internal interface IMovableGrain : IGrainWithStringKey
{
    /// <summary>It belongs to another silo now: lets go who waits, finishes what is at work, and goes. The next call finds it elsewhere.</summary>
    [Alias("LeaveSilo"), ResponseTimeout("00:00:10")]
    Task LeaveSilo();
}

/// <summary>
/// Moves partitions and groups when silos join or leave: what belongs elsewhere now is closed here, a few at a time, and opened there. Orleans' migration carries no
/// state of ours (the log must be opened at a higher epoch in any case, and a snapshot saved at the closing makes that quick), but the address: an activation that
/// merely went would be made again here by the next caller who remembers where it was.
/// </summary>
/// <remarks>
/// Silos learn of a change at different times, so one that left may have been placed by a silo that did not know yet: here, although this silo had looked already.
/// Therefore everybody looks again, until a while after the last change.
/// </remarks>
internal sealed partial class Resettling(BrokerSilo silo, ISiloStatusOracle silos, ILogger<Resettling> log) : ILifecycleParticipant<ISiloLifecycle>, ISiloStatusListener
{
    /// <summary>Silos that join together are counted together.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(2);

    /// <summary>So long after a change, or after the last thing that was moved, everybody knows who is there: the list of gateways and the types of a new silo reach all within some seconds.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(60);

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
            for (var quiet = TimeSpan.Zero; quiet < Quiet && round == Volatile.Read(ref _round); quiet += Settle)
            {
                await Task.Delay(Settle, _stopping.Token);
                if (await MoveAway(round) > 0)
                    quiet = TimeSpan.Zero;
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The silo stops, and everything on it goes anyway.
        }
    }

    private async Task<int> MoveAway(int round)
    {
        var active = silo.ActiveSilos;
        if (active.Count == 0)
            return 0;
        var (here, moved) = (0, 0);
        foreach (var (id, resident) in silo.Residents)
        {
            if (round != Volatile.Read(ref _round))
                break;
            here++;
            if (resident.HomeAmong(active).Equals(silo.Address))
                continue;
            moved++;
            await silo.Move(id);
            await Task.Delay(Pause, _stopping.Token);
        }

        if (moved > 0)
            LogMoved(moved, here, active.Count);
        return moved;
    }

    [LoggerMessage(1, LogLevel.Information, "{Moved} of {Here} partitions and groups here belong elsewhere among {Silos} silos, and were let go.")]
    private partial void LogMoved(int moved, int here, int silos);
}

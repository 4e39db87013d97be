using Orleans.Concurrency;
using OrleansMq.Server.Partitions;

namespace OrleansMq.Server.Deadlines;

/// <summary>Remembers, for a share of all partitions, when something comes due in them; and wakes them then, wherever they sleep.</summary>
[Alias("OrleansMq.IDeadlineGrain")]
internal interface IDeadlineGrain : IGrainWithIntegerKey
{
    /// <summary>Something comes due in a partition at this time; a later time than the one remembered changes nothing, for the partition is asked then.</summary>
    [Alias("Note"), ResponseTimeout("00:00:10")]
    Task Note(string partition, long dueMs);

    /// <summary>Keeps the grain at work, and begins it after a start.</summary>
    [Alias("Watch"), ResponseTimeout("00:00:10")]
    Task Watch();
}

/// <remarks>
/// What is noted is written at most once a second, for all partitions together: a lease or a delayed message does not wait for it. If the silo of the partition and
/// the silo of this grain are lost in that same second, the partition is not woken for what was new in it, until somebody opens it. An open one tells again every
/// 15 s.
/// </remarks>
[Reentrant]
internal sealed class DeadlineGrain : Grain, IDeadlineGrain
{
    /// <summary>Grains over which all partitions are spread. Never changed: a note is looked for where it was put.</summary>
    public const int Shards = 32;

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>An open partition serves its deadlines itself; it is asked so often how it stands, so that a note is about so much too old when its silo is lost.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);

    private const int WakenAtOnce = 64;

    private readonly BrokerSilo _silo;
    private readonly IPersistentState<DeadlineShelf> _state;
    private bool _dirty;

    /// <summary>Being asked.</summary>
    private readonly HashSet<string> _waking = new(StringComparer.Ordinal);

    public DeadlineGrain(IGrainContext context, BrokerSilo silo) => (_silo, _state) = (silo, silo.StateOf<DeadlineShelf>(context));

    private Dictionary<string, long> Due => _state.State.DueMs;

    public static int ShardOf(string partition)
    {
        var hash = 2166136261u;
        foreach (var c in partition)
            hash = (hash ^ c) * 16777619u;
        return (int)(hash % Shards);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(OnTick, new GrainTimerCreationOptions(Tick, Tick) { Interleave = true });
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => Save();

    public Task Note(string partition, long dueMs)
    {
        if (Due.TryGetValue(partition, out var known) && known <= dueMs)
            return Task.CompletedTask;
        Due[partition] = dueMs;
        _dirty = true;
        return Task.CompletedTask;
    }

    public Task Watch() => Task.CompletedTask;

    private async Task OnTick(CancellationToken cancel)
    {
        var now = _silo.NowMs;
        foreach (var partition in Due.Where(each => each.Value <= now && !_waking.Contains(each.Key)).Select(each => each.Key).Take(WakenAtOnce - _waking.Count).ToList())
            Wake(partition);
        await Save();
    }

    private async void Wake(string partition)
    {
        _waking.Add(partition);
        try
        {
            var next = await GrainCalls.Ask(() => GrainFactory.GetGrain<IPartitionOwner>(partition).Wake());
            if (next is { } due)
                Due[partition] = Math.Max(due, Soon);
            else
                Due.Remove(partition);
        }
        catch (MqException gone) when (gone.Code is ErrorCodes.TopicUnknown or ErrorCodes.PartitionUnknown or ErrorCodes.PartitionDamaged)
        {
            // Nothing comes due there any more; a damaged one tells again when it is mended and opened.
            Due.Remove(partition);
        }
        catch (MqException away)
        {
            // Its storage or its silo is away.
            Due[partition] = Soon;
            _silo.Report($"Something is due in partition {partition}, and it could not be woken; it is tried again: {away.Message}");
        }
        finally
        {
            _waking.Remove(partition);
            _dirty = true;
        }
    }

    private long Soon => _silo.NowMs + (long)AskAgain.TotalMilliseconds;

    private async Task Save()
    {
        if (!_dirty)
            return;
        _dirty = false;
        try
        {
            await _state.WriteStateAsync();
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // Another activation wrote, or the storage is away: the next activation reads what is stored, and partitions tell it what is new.
            _silo.Report($"Deadlines, share {this.GetPrimaryKeyLong()}: they could not be stored, and are read again: {failure.Message}");
            DeactivateOnIdle();
        }
    }
}

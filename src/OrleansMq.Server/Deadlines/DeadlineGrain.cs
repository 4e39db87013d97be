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

    /// <summary>A partition was opened; this is stored when the call returns, so that it is woken after its silo is lost, whatever of its notes is lost with it.</summary>
    [Alias("Opened"), ResponseTimeout("00:00:10")]
    Task Opened(string partition, Guid activation);

    /// <summary>It was closed in good order, and waits for this time; null: for nothing. One who has opened it since is not closed by this.</summary>
    [Alias("Closed"), ResponseTimeout("00:00:10")]
    Task Closed(string partition, Guid activation, long? dueMs);

    /// <summary>Keeps the grain at work, and begins it after a start.</summary>
    [Alias("Watch"), ResponseTimeout("00:00:10")]
    Task Watch();
}

/// <remarks>
/// What is noted is written at most once a second, for all partitions together: a lease or a delayed message does not wait for it. Which partitions are open is
/// written before they serve (a partition waits two seconds for it at most): if the silo of a partition and the silo of this grain are lost in the same second, the next activation of this grain wakes it, and it
/// says itself what is due.
/// </remarks>
[Reentrant]
internal sealed class DeadlineGrain : Grain, IDeadlineGrain
{
    /// <summary>Grains over which all partitions are spread. Never changed: a note is looked for where it was put.</summary>
    public const int Shards = 32;

    /// <summary>Of the state's name: what changed since all was written.</summary>
    public const string ChangesPart = "changes";

    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>An open partition serves its deadlines itself; it is asked so often how it stands, so that a note is about so much too old when its silo is lost.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(5);

    private const int WakenAtOnce = 64;

    private readonly BrokerSilo _silo;
    private readonly DeadlineStore _store;

    private Task _saving = Task.CompletedTask;

    /// <summary>Will write what <see cref="_saving"/> came too late for.</summary>
    private Task? _savingNext;

    /// <summary>Being asked, and the earliest time noted since: the answer may be older than it.</summary>
    private readonly Dictionary<string, long> _waking = new(StringComparer.Ordinal);

    /// <summary>What was overdue when it was looked for last, and was not begun with since.</summary>
    private Queue<string> _overdue = new();

    private bool _leaves;

    public DeadlineGrain(IGrainContext context, BrokerSilo silo) =>
        (_silo, _store) = (silo, new DeadlineStore(silo.StateOf<DeadlineShelf>(context), silo.StateOf<DeadlineChanges>(context, ChangesPart)));

    public static int ShardOf(string partition)
    {
        var hash = 2166136261u;
        foreach (var c in partition)
            hash = (hash ^ c) * 16777619u;
        return (int)(hash % Shards);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _store.Read();
        foreach (var partition in _store.Open.Keys)
            _store.SetDue(partition, _silo.NowMs);
        this.RegisterGrainTimer(OnTick, new GrainTimerCreationOptions(Tick, Tick) { Interleave = true });
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _leaves = true;
        return SaveOrLeave();
    }

    public Task Note(string partition, long dueMs)
    {
        if (_waking.TryGetValue(partition, out var noted))
            _waking[partition] = Math.Min(noted, dueMs);
        if (!_store.DueMs.TryGetValue(partition, out var known) || known > dueMs)
            _store.SetDue(partition, dueMs);
        return Task.CompletedTask;
    }

    public async Task Opened(string partition, Guid activation)
    {
        _store.SetOpen(partition, activation);
        try
        {
            await Save();
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            Leave(failure);
            throw new MqException(ErrorCodes.PartitionUnavailable, $"That partition {partition} is open could not be stored: {failure.Message}", TimeSpan.FromSeconds(1), failure);
        }
    }

    public Task Closed(string partition, Guid activation, long? dueMs)
    {
        if (_store.Open.GetValueOrDefault(partition) == activation)
            _store.SetOpen(partition, null);
        return dueMs is { } due ? Note(partition, due) : Task.CompletedTask;
    }

    public Task Watch() => Task.CompletedTask;

    private async Task OnTick(CancellationToken cancel)
    {
        // The longest overdue first: where there are always more than can be woken at once, none waits for ever.
        var now = _silo.NowMs;
        _overdue = new(_store.DueMs.Where(each => each.Value <= now).OrderBy(each => each.Value).Select(each => each.Key));
        WakeOverdue();
        await SaveOrLeave();
    }

    private void WakeOverdue()
    {
        while (_waking.Count < WakenAtOnce && _overdue.TryDequeue(out var partition))
            if (!_waking.ContainsKey(partition) && _store.DueMs.TryGetValue(partition, out var due) && due <= _silo.NowMs)
                Wake(partition);
    }

    private async void Wake(string partition)
    {
        _waking.Add(partition, long.MaxValue);
        long? next = null;
        try
        {
            // Its end begins with the next: not within this call, however quickly a call fails.
            await Task.Yield();
            if (await GrainCalls.Ask(() => GrainFactory.GetGrain<IPartitionOwner>(partition).Wake()) is { } due)
                next = Math.Max(due, Soon);
        }
        catch (MqException gone) when (gone.Code is ErrorCodes.TopicUnknown or ErrorCodes.PartitionUnknown or ErrorCodes.PartitionDamaged)
        {
            // Nothing comes due there any more; a damaged one tells again when it is mended and opened.
            _store.SetOpen(partition, null);
        }
        catch (Exception away)
        {
            // Its storage or its silo is away, or it has a fault of its own: it stays on the list.
            next = Soon;
            _silo.Report($"Something is due in partition {partition}, and it could not be woken; it is tried again: {away.Message}");
        }

        _waking.Remove(partition, out var noted);
        if (noted < (next ?? long.MaxValue))
            next = noted;
        _store.SetDue(partition, next);
        // The next activation wakes what is overdue then.
        if (!_leaves)
            WakeOverdue();
    }

    private long Soon => _silo.NowMs + (long)AskAgain.TotalMilliseconds;

    /// <summary>Returns when all that is known now is stored. One write at a time, for all who wait.</summary>
    private Task Save()
    {
        if (!_store.IsDirty)
            return _saving;
        return _savingNext ??= Next();

        async Task Next()
        {
            // One that failed was told to those who waited for it; this one writes what it did not.
            await Task.WhenAny(_saving);
            await Task.Yield();
            (_saving, _savingNext) = (_savingNext!, null);
            await _store.Write();
        }
    }

    private async Task SaveOrLeave()
    {
        try
        {
            await Save();
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            Leave(failure);
        }
    }

    /// <summary>Another activation wrote, or the storage is away: the next activation reads what is stored, and partitions tell it what is new.</summary>
    private void Leave(Exception failure)
    {
        _silo.Report($"Deadlines, share {this.GetPrimaryKeyLong()}: they could not be stored, and are read again: {failure.Message}");
        DeactivateOnIdle();
    }
}

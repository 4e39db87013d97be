namespace OrleansMq.Simulation.Worlds;

/// <summary>What runs and dies together: a context to come back to after each await, a scheduler, and a clock, all on the world's one thread.</summary>
public sealed class SimProcess : SynchronizationContext
{
    private readonly World _world;
    /// <summary>Who is to be told of its death, each by when it asked.</summary>
    private readonly Dictionary<Action, long> _atDeath = [];
    private long _asked;
    private List<Action>? _held;

    public SimProcess(World world, string name)
    {
        (_world, Name) = (world, name);
        Scheduler = new OneThread(this);
        Time = new SimTime(world, this);
    }

    public string Name { get; }

    public bool IsAlive { get; private set; } = true;

    public TaskScheduler Scheduler { get; }

    public TimeProvider Time { get; }

    /// <summary>When it died, as an event of the history; the largest number while it lives.</summary>
    public long DiedAt { get; private set; } = long.MaxValue;

    /// <summary>Another was started on its data while it lived.</summary>
    public bool IsTakenOver { get; set; }

    /// <summary>It finished what it had and flushed: nothing may be forgotten, but of partitions that had stopped.</summary>
    public bool EndedClean { get; private set; }

    public void Run(Action work)
    {
        if (_held is { } held)
            held.Add(work);
        else
            _world.Enqueue(this, work);
    }

    /// <summary>SIGSTOP: what it has to do waits, and it notices nothing.</summary>
    public void Pause() => _held ??= _world.Forget(this);

    public void GoOn()
    {
        var held = _held ?? [];
        _held = null;
        held.ForEach(Run);
    }

    /// <summary>To be called when it dies; those who wait for its answers learn it so.</summary>
    public void AtDeath(Action tell) => _atDeath.TryAdd(tell, ++_asked);

    public void NoLongerAtDeath(Action tell) => _atDeath.Remove(tell);

    public void Die(long at, bool clean)
    {
        if (!IsAlive)
            return;
        (IsAlive, DiedAt, EndedClean) = (false, at, clean);
        _world.Forget(this);
        _held = null;
        _world.ForgetTimers();
        foreach (var tell in _atDeath.OrderBy(each => each.Value).Select(each => each.Key).ToList())
            if (_atDeath.ContainsKey(tell))
                tell();
        _atDeath.Clear();
    }

    public override void Post(SendOrPostCallback d, object? state) => Run(() => d(state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("Nothing in the world waits for another thread.");

    public override SynchronizationContext CreateCopy() => this;

    private sealed class OneThread(SimProcess owner) : TaskScheduler
    {
        protected override void QueueTask(Task task) => owner.Run(() => TryExecuteTask(task));

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

        protected override IEnumerable<Task> GetScheduledTasks() => [];
    }
}

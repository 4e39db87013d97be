namespace OrleansMq.Simulation.Worlds;

/// <summary>
/// Everything that happens, one thing at a time, on one thread: the seed picks the next of what could run, and time moves only when nothing can.
/// </summary>
/// <remarks>Work belongs to a <see cref="SimProcess"/>; when that dies its work is forgotten, wherever it waits.</remarks>
public sealed class World : IDisposable
{
    /// <summary>More steps than this while the clock stands still go in circles.</summary>
    private const int MaxStepsAtOnce = 50_000;

    /// <summary>Work that looks at the clock more often than this before it comes back goes in circles by itself.</summary>
    private const int MaxLooksInAStep = 2_000_000;

    /// <summary>No world takes so long. Timers that come again and again would let it go on for ever.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromHours(6);

    private readonly Lock _gate = new();
    private readonly List<(SimProcess Owner, Action Work)> _ready = [];
    private readonly PriorityQueue<SimTimer.Turn, (long Due, long Order)> _timers = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly bool _inOrder;
    private readonly Pace? _pace;
    private long _order;
    private int _stepsAtOnce;
    private int _looks;
    private string? _circle;
    private string? _escaped;

    /// <param name="seed">Everything is drawn from it.</param>
    /// <param name="real">Time passes by itself and work may come from other threads: the machine is a real program, and no two runs are equal.</param>
    public World(int seed, bool real = false)
    {
        Seed = seed;
        _pace = real ? new Pace() : null;
        Random = new Random(seed);
        _inOrder = Random.Next(4) == 0;
        Outside = new SimProcess(this, "clients");
    }

    public int Seed { get; }

    public Random Random { get; }

    /// <summary>Virtual time since the world began. Never runs back.</summary>
    public long Ticks { get; private set; }

    public TimeSpan Elapsed => TimeSpan.FromTicks(Ticks);

    /// <summary>How far the wall clock is off; jumps.</summary>
    public TimeSpan WallOffset { get; set; }

    public long Steps { get; private set; }

    /// <summary>Where clients live; never dies.</summary>
    public SimProcess Outside { get; }

    /// <summary>Called after each step; a power loss is noticed here, before anything else runs.</summary>
    public Action AfterStep { get; set; } = static () => { };

    /// <summary>Told what broke the rules of the world: an exception that nobody awaits.</summary>
    public Action<string, string> OnViolation { get; set; } = static (_, _) => { };

    /// <summary>Runs until the task is done.</summary>
    public void Run(Func<Task> main)
    {
        var before = SynchronizationContext.Current;
        try
        {
            Task? task = null;
            Enqueue(Outside, () => task = main());
            while (task is not { IsCompleted: true })
            {
                if (!Step())
                    throw new InvalidOperationException("Nothing can run, and the world is not done: somebody waits for what never comes.");
                if (_escaped is { } escaped)
                    throw new InvalidOperationException(escaped);
                if (Elapsed > Longest)
                    throw new InvalidOperationException($"{Longest} have passed and the world is not done: somebody waits for what never comes.");
                Steps++;
                if (++_stepsAtOnce > MaxStepsAtOnce)
                    throw new InvalidOperationException($"{MaxStepsAtOnce} steps while the clock stands still: somebody goes in circles. {_circle}");
            }

            task.GetAwaiter().GetResult();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>Nothing more runs: what everybody waits for will not come.</summary>
    public void End(string why) => _escaped ??= why;

    /// <summary>Waits in virtual time, as a client.</summary>
    public Task Delay(TimeSpan time) => Task.Delay(time, Outside.Time);

    /// <summary>A time that is mostly short and sometimes long.</summary>
    public TimeSpan About(TimeSpan mean) => TimeSpan.FromTicks((long)(mean.Ticks * -Math.Log(1 - Random.NextDouble())) + 1);

    public bool Chance(double probability) => Random.NextDouble() < probability;

    public void Enqueue(SimProcess owner, Action work)
    {
        if (_pace is null && Environment.CurrentManagedThreadId != _thread)
            Interlocked.CompareExchange(ref _escaped, $"Work came back from a foreign thread:\n{Environment.StackTrace}", null);
        if (_stepsAtOnce > MaxStepsAtOnce - 20)
            _circle += $"\n{Environment.StackTrace}";
        lock (_gate)
        {
            if (owner.IsAlive)
                _ready.Add((owner, work));
        }

        _pace?.Wake();
    }

    /// <summary>Does the work at its time, unless its owner died.</summary>
    public static void After(SimProcess owner, TimeSpan time, Action work) => owner.Time.CreateTimer(static work => ((Action)work!)(), work, time, Timeout.InfiniteTimeSpan);

    /// <summary>Somebody looks at the clock.</summary>
    internal void Looked()
    {
        if (_pace is not null || ++_looks <= MaxLooksInAStep)
            return;
        End($"One step looked at the clock {MaxLooksInAStep} times: it goes in circles. {Environment.StackTrace}");
        throw new InvalidOperationException(_escaped);
    }

    internal long NextOrder() => ++_order;

    internal void Arm(SimTimer.Turn turn)
    {
        lock (_gate)
            _timers.Enqueue(turn, (turn.Due, NextOrder()));
    }

    /// <summary>Forgets what a process had ready.</summary>
    internal List<Action> Forget(SimProcess owner)
    {
        lock (_gate)
        {
            List<Action> had = [.. _ready.Where(item => item.Owner == owner).Select(item => item.Work)];
            _ready.RemoveAll(item => item.Owner == owner);
            return had;
        }
    }

    /// <summary>Those that nobody wants any more go at once: they hold what a dead process had in memory.</summary>
    internal void ForgetTimers()
    {
        lock (_gate)
        {
            var wanted = _timers.UnorderedItems.Where(timer => timer.Element.IsWanted).ToList();
            _timers.Clear();
            _timers.EnqueueRange(wanted);
        }
    }

    private bool Step()
    {
        if (_pace is { } pace)
            (Ticks, _stepsAtOnce) = (pace.Ticks, 0);
        if (Next() is { } next)
        {
            Do(next.Owner, next.Work);
            return true;
        }

        while (_timers.TryPeek(out var turn, out _))
        {
            if (turn.IsWanted && turn.Due > Ticks && _pace is { } waiting)
                return waiting.WaitUntil(turn.Due);
            _timers.Dequeue();
            if (!turn.IsWanted)
                continue;
            if (turn.Due > Ticks)
                (Ticks, _stepsAtOnce) = (turn.Due, 0);
            turn.Fire();
            return true;
        }

        return _pace is not null && _pace.WaitUntil(null);
    }

    public void Dispose() => _pace?.Dispose();

    private (SimProcess Owner, Action Work)? Next()
    {
        lock (_gate)
        {
            if (_ready.Count == 0)
                return null;
            var at = _inOrder ? 0 : Random.Next(_ready.Count);
            var next = _ready[at];
            _ready.RemoveAt(at);
            return next;
        }
    }

    private void Do(SimProcess owner, Action work)
    {
        SynchronizationContext.SetSynchronizationContext(owner);
        _looks = 0;
        try
        {
            work();
        }
        catch (Exception e) when (e is not OutOfMemoryException && owner != Outside)
        {
            OnViolation("unhandled", $"an exception that nobody awaits would have ended the process: {e}");
        }

        AfterStep();
    }
}

using System.Globalization;
using System.Text.RegularExpressions;
using OrleansMq.Simulation.Disk;
using OrleansMq.Simulation.Histories;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Shared;

namespace OrleansMq.Simulation.Worlds;

/// <summary>The machine that the broker runs on: starts it, kills it, takes the power away, and starts it again on what survived.</summary>
public sealed partial class Server : IMachine
{
    private readonly World _world;
    private readonly WorldPlan _plan;
    private readonly History _history;
    private readonly Planted _planted;
    private readonly SortedDictionary<FaultKind, int> _faults = [];
    private int _life;
    private DiskError? _armed;
    private Func<SimCall, bool>? _armedFor;
    private bool _healed;
    private SimProcess? _zombie;
    private TaskCompletionSource _up = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Server(World world, WorldPlan plan, History history, Planted planted)
    {
        (_world, _plan, _history, _planted) = (world, plan, history, planted);
        Disk = new SimDisk(plan.Seed);
        planted.Disk(Disk);
        world.AfterStep = () =>
        {
            if (Disk.IsPowerless)
                PowerWent();
        };
        world.OnViolation = history.Violate;
    }

    public SimDisk Disk { get; }

    /// <summary>Null while it is down.</summary>
    public IBroker? Broker { get; private set; }

    public SimProcess? Process { get; private set; }

    /// <summary>How many times longer each disk job takes.</summary>
    public double Slowness { get; set; } = 1;

    /// <summary>Faults that came, by kind.</summary>
    public IReadOnlyDictionary<FaultKind, int> Faults => _faults;

    /// <summary>A partition stopped since the last start, or a document shard did.</summary>
    public bool MustRestart { get; private set; }

    public Task Up => _up.Task;

    public void Count(FaultKind kind)
    {
        _faults[kind] = _faults.GetValueOrDefault(kind) + 1;
        _history.Note($"{_world.Elapsed} fault {kind}");
    }

    public Task Misfortune() => new Misfortune(_world, _plan, this).Live();

    public void LosePower() => Disk.LosePower();

    /// <summary>The next call that matches fails.</summary>
    public void FailNext(DiskError error, Func<SimCall, bool> which) => (_armed, _armedFor) = (error, which);

    /// <summary>From now on nothing goes wrong by itself.</summary>
    public void Heal()
    {
        (_armed, _armedFor, Slowness, _healed) = (null, null, 1, true);
        Disk.Capacity = long.MaxValue;
        Disk.PowerLossAt = 0;
        Disk.PowerLossWhen = null;
    }

    public void Start()
    {
        var process = new SimProcess(_world, $"broker {++_life}");
        Process = process;
        MustRestart = false;
        process.Run(() => Starting(process));
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        Gone(clean: false);
        Disk.Kill();
        StartLater();
    }

    /// <summary>Starts another process on the volume. The one before has what it was doing under way, and does not know.</summary>
    /// <param name="pause">How long it stands still; null: not at all.</param>
    /// <param name="life">How long it lives after that.</param>
    public void TakeOver(TimeSpan? pause, TimeSpan life)
    {
        if (_zombie is not null || Process is not { } process)
            return;
        _history.Note($"{_world.Elapsed} {process.Name} is taken over{(pause is null ? "" : $", stopped for {pause}")}");
        process.IsTakenOver = true;
        _zombie = process;
        Broker = null;
        _up = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (pause is not null)
            process.Pause();
        World.After(_world.Outside, pause ?? TimeSpan.Zero, process.GoOn);
        World.After(_world.Outside, (pause ?? TimeSpan.Zero) + life, () =>
        {
            if (_zombie == process)
                EndZombie();
        });
        Start();
    }

    /// <summary>SIGTERM, and a start after it.</summary>
    public async Task Restart()
    {
        if (Broker is not { } broker || Process is not { } process)
            return;
        _history.Note($"{_world.Elapsed} closing {process.Name}");
        Broker = null;
        _up = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var closed = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Died() => closed.TrySetResult(false);
        process.AtDeath(Died);
        process.Run(() => Closing(broker, closed));
        World.After(_world.Outside, TimeSpan.FromMinutes(10), () =>
        {
            if (!closed.Task.IsCompleted)
                _history.Violate("hung", $"{process.Name} did not close within ten minutes.");
            closed.TrySetResult(false);
        });
        var clean = await closed.Task;
        process.NoLongerAtDeath(Died);
        if (Process != process || !process.IsAlive)
            return;
        Gone(clean);
        Disk.Kill();
        Start();
    }

    private async void Closing(IBroker broker, TaskCompletionSource<bool> closed)
    {
        try
        {
            await broker.DisposeAsync();
            closed.TrySetResult(true);
        }
        catch (SimPowerLossException)
        {
            // The end of it all; who waits learns it so.
        }
        catch (Exception e)
        {
            if (!MustRestart && _armedFor is null && Disk.Capacity == long.MaxValue && !_faulted)
                _history.Violate("close", $"closing failed although no disk call had failed: {e}");
            closed.TrySetResult(false);
        }
    }

    private bool _faulted;

    private async void Starting(SimProcess process)
    {
        _faulted = false;
        Disk.Fault = OnCall;
        try
        {
            var random = new Random(_plan.Seed * 1_000 + _life);
            var files = new FileStorageOptions
            {
                Directory = "/data",
                SegmentBytes = _plan.SegmentBytes,
                FirstReserveBytes = 4096,
                ReserveBytes = 16 << 10,
                OpenSegments = 4,
                Journal = _plan.Journal,
                JournalBytes = 64 << 10,
                JournalShareBytes = _plan.JournalShareBytes,
                // One job at a time: here a file is always flushed alone.
                JournalWhenAlone = true,
                DrawIncarnation = () => (ulong)random.NextInt64(),
                OnNotice = notice => Reported(process, $"{notice.Path}: {notice.Message}"),
            };
            var io = new SimIo(process, () => _world.About(_plan.DiskLatency * Slowness));
            Engine.Storage.IStorage storage = _plan.SharedVolume ? new SharedFileStorage(files, Disk, io) : new FileStorage(files, Disk, io);
            var broker = await EmbeddedBroker.Start(new EmbeddedOptions
            {
                Storage = _planted.Storage(new NotedOpenings(storage, process, _history)),
                Time = _planted.Time(process.Time, _life),
                Scheduler = process.Scheduler,
                InlineTurns = false,
                MaintenanceInterval = TimeSpan.FromSeconds(3),
                IdleAfter = TimeSpan.FromSeconds(2),
                SnapshotBytes = _plan.SnapshotBytes,
                Compaction = new() { DirtyBytes = 3_000, DirtyRatio = 0.1 },
                NewId = () => Id(random),
                OnReport = message => Reported(process, message),
            });
            Broker = _planted.Broker(broker, _world);
            _history.Note($"{_world.Elapsed} started {process.Name}");
            _up.TrySetResult();
        }
        catch (Exception e) when (e is Engine.Storage.StorageException or DiskException)
        {
            // The program ends with this message, and whoever watches it starts it again.
            _history.Note($"{_world.Elapsed} {process.Name} did not start: {e.Message}");
            if (_healed && !_faulted)
            {
                // It would be started again for ever, and everybody waits for it.
                _history.Violate("start", $"the broker does not start although nothing fails any more: {e.Message}");
                _world.End("The broker does not start any more.");
                return;
            }

            _world.Outside.Run(() =>
            {
                if (Process != process || !process.IsAlive)
                    return;
                Gone(clean: false);
                Disk.Kill();
                StartLater();
            });
        }
    }

    private DiskError? OnCall(SimCall call)
    {
        if (_armedFor is not { } which || !which(call))
            return null;
        var error = _armed;
        (_armed, _armedFor) = (null, null);
        _faulted = true;
        MustRestart = true;
        _history.Note($"{_world.Elapsed} {call.Operation} {call.Path} fails with {error}");
        return error;
    }

    private void Reported(SimProcess process, string message)
    {
        _history.Note($"{_world.Elapsed} report: {message}");
        if (StoppedPartition().Match(message) is { Success: true } stopped)
            _history.Stopped.Add((process, new Place(stopped.Groups[1].Value, int.Parse(stopped.Groups[2].Value, CultureInfo.InvariantCulture))));
    }

    [GeneratedRegex(@"^Topic (\S+), partition (\d+) stopped: ")]
    private static partial Regex StoppedPartition();

    private void PowerWent()
    {
        Gone(clean: false);
        Disk.Crash(_world.Random.Next());
        _planted.Crashed(Disk);
        StartLater();
    }

    private void EndZombie()
    {
        _history.Note($"{_world.Elapsed} {_zombie?.Name}, which was taken over, is gone");
        _zombie?.Die(_history.Next(), clean: false);
        _zombie = null;
    }

    private void Gone(bool clean)
    {
        if (_zombie is not null)
            EndZombie();
        if (Process is { } process)
        {
            _history.Note($"{_world.Elapsed} {process.Name} is gone{(clean ? ", clean" : "")}");
            process.Die(_history.Next(), clean);
        }

        Broker = null;
        Process = null;
        if (_up.Task.IsCompleted)
            _up = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private void StartLater() => World.After(_world.Outside, _world.About(TimeSpan.FromSeconds(1)), () =>
    {
        if (Process is null)
            Start();
    });

    private static Guid Id(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }
}

/// <summary>Where a test plants a bug, to see that the checkers find it. Nothing is planted by default.</summary>
public class Planted
{
    public static Planted Nothing { get; } = new();

    public virtual void Disk(SimDisk disk) { }

    /// <summary>The power went; this is what is left.</summary>
    public virtual void Crashed(SimDisk disk) { }

    public virtual Engine.Storage.IStorage Storage(Engine.Storage.IStorage storage) => storage;

    /// <param name="life">Grows by one at each start.</param>
    public virtual TimeProvider Time(TimeProvider time, int life) => time;

    public virtual IBroker Broker(IBroker broker, World world) => broker;
}

using OrleansMq.Simulation.Histories;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Trials.Machines;

/// <summary>The real program on a real volume, for the clients and the checkers of the simulation: they know it over HTTP alone.</summary>
internal sealed class RealMachine(World world, History history, Volume volume, IReadOnlyDictionary<string, string> environment, Func<RealMachine, Task> misfortune) : IMachine, IDisposable
{
    /// <summary>What the program answered before it was killed may still be on its way; it was an answer, and has to hold.</summary>
    private static readonly TimeSpan AnswersArrive = TimeSpan.FromMilliseconds(50);

    private readonly SortedDictionary<FaultKind, int> _faults = [];
    private BrokerProgram? _program;

    // The program whose end is our doing: that it says nothing any more is no failed start.
    private BrokerProgram? _ending;
    private int _life;
    private bool _healed;
    private TaskCompletionSource _up = NewUp();

    public World World => world;

    public IBroker? Broker { get; private set; }

    public SimProcess? Process { get; private set; }

    public Task Up => _up.Task;

    public IReadOnlyDictionary<FaultKind, int> Faults => _faults;

    /// <summary>Something of this life failed on purpose: it may stop badly.</summary>
    public bool Struck { get; set; }

    public void Count(FaultKind kind)
    {
        _faults[kind] = _faults.GetValueOrDefault(kind) + 1;
        history.Note($"{world.Elapsed} fault {kind}");
    }

    public void Start() => _ = Starting();

    public async Task Restart()
    {
        if (_program is not { } program)
            return;
        history.Note($"{world.Elapsed} stopping {Process!.Name}");
        _ending = program;
        var code = await program.Stop();
        if (code != 0 && !Struck)
            history.Violate("close", $"SIGTERM ended {Process.Name} with {code?.ToString() ?? "nothing for 30 s"}, although nothing had failed: {program.Said}");
        await Gone(clean: code == 0);
        Start();
    }

    public void LosePower() => _ = PowerLoss();

    public async Task Kill()
    {
        Count(FaultKind.Kill);
        await (_ending = _program!).Kill();
        await Gone(clean: false);
        Start();
    }

    public async Task PowerLoss()
    {
        Count(FaultKind.PowerLoss);
        // From here on it is down, and whoever waits waits for the next start.
        NotUp();
        await (_ending = _program!).Kill();
        await Gone(clean: false);
        await Task.Run(volume.LosePower);
        Start();
    }

    public Task Misfortune() => misfortune(this);

    public void Heal() => _healed = true;

    public void Dispose()
    {
        _program?.Dispose();
        volume.Dispose();
    }

    private async Task Starting()
    {
        var process = new SimProcess(world, $"broker {++_life}");
        (Process, Struck) = (process, false);
        var program = _program = BrokerProgram.Start(volume.Folder, environment, "--kafka", "off");
        try
        {
            var address = new Uri("http://" + (await program.Ready())["http"]);
            if (Process != process)
                return;
            Broker = HttpBroker.Connect(address, new HttpBrokerOptions { ReceiveAttempts = 1 });
            history.Note($"{world.Elapsed} started {process.Name}");
            _up.TrySetResult();
        }
        catch (NotStartedException e) when (_ending != program)
        {
            history.Note($"{world.Elapsed} {process.Name} did not start: {e.Message}");
            if (_healed && !Struck)
            {
                history.Violate("start", $"the broker does not start although nothing fails any more: {e.Message}");
                world.End("The broker does not start any more.");
                return;
            }

            await Gone(clean: false);
            await world.Delay(TimeSpan.FromMilliseconds(500));
            Start();
        }
        catch (NotStartedException)
        {
            // It was killed while it started.
        }
    }

    private async Task Gone(bool clean)
    {
        await world.Delay(AnswersArrive);
        history.Note($"{world.Elapsed} {Process!.Name} is gone{(clean ? ", clean" : "")}");
        Process.Die(history.Next(), clean);
        _program!.Dispose();
        if (Broker is { } broker)
            await broker.DisposeAsync();
        (Broker, Process, _program) = (null, null, null);
        NotUp();
    }

    private void NotUp()
    {
        if (_up.Task.IsCompleted)
            _up = NewUp();
    }

    private static TaskCompletionSource NewUp() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

namespace OrleansMq.Simulation.Worlds;

/// <summary>What clients talk to and what the world does to it: a simulated machine, several of them, or a real program.</summary>
public interface IMachine
{
    /// <summary>Null while it is down.</summary>
    IBroker? Broker { get; }

    /// <summary>Dies with the broker; what it had not answered then is unknown.</summary>
    SimProcess? Process { get; }

    /// <summary>Done while the broker serves.</summary>
    Task Up { get; }

    /// <summary>Faults that came, by kind.</summary>
    IReadOnlyDictionary<FaultKind, int> Faults { get; }

    void Start();

    /// <summary>SIGTERM, and a start after it.</summary>
    Task Restart();

    void LosePower();

    /// <summary>Lets faults come until the plan's time is over.</summary>
    Task Misfortune();

    /// <summary>From now on nothing goes wrong by itself.</summary>
    void Heal();
}

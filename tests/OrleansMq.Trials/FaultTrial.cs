using OrleansMq.Trials.Faults;
using OrleansMq.Trials.Machines;

namespace OrleansMq.Trials;

/// <summary>One kind of system call of the program fails now and then; whoever runs it restarts it, as the documentation says.</summary>
internal static class FaultTrial
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan OperatorTakes = TimeSpan.FromSeconds(0.5);

    public static string? WhyNot => FaultSwitch.WhyNot;

    public static TrialResult Run(FaultyCall call, int error, int seed, TimeSpan length, Action<string>? trace = null)
    {
        using var faults = new FaultSwitch();
        var volume = new PlainFolder();
        var failed = 0;
        var result = Trial.Run(seed, length, Every, volume, faults.Environment(volume.Folder), machine => Trial.Strike(machine, length, Every, async () =>
        {
            machine.Struck = true;
            // Of the frequent calls any, of the rare ones one of the next.
            faults.FailNext(call, error, machine.World.Random.Next(call is FaultyCall.Write or FaultyCall.FileFlush ? 30 : 2));
            await machine.World.Delay(machine.World.About(Every));
            faults.Disarm();
            if (faults.FailedCalls(call) == failed)
                return;
            failed = faults.FailedCalls(call);
            await machine.World.Delay(OperatorTakes);
            // A directory's flush is rare, and one without an end of the program finds it just as well.
            if (machine.World.Chance(0.5))
                await machine.Restart();
            else
                await machine.Kill();
        }), trace);
        if (faults.AllCalls(call) == 0)
            throw new InvalidOperationException($"{call} was never called: the library is not in the way of the program.");
        return result with { Faults = new Dictionary<string, int>(result.Faults) { [$"{call} {(error == FaultSwitch.EIO ? "EIO" : "ENOSPC")}"] = failed } };
    }
}

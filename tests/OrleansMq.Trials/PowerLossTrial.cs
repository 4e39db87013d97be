using OrleansMq.Trials.Faults;
using OrleansMq.Trials.Machines;

namespace OrleansMq.Trials;

/// <summary>The power goes under load: kill -9, and the data goes on in a copy of the mounted image.</summary>
internal static class PowerLossTrial
{
    private const int ImageMegabytes = 48;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1.5);

    public static string? WhyNot => LoopImage.WhyNot;

    public static TrialResult Run(int seed, TimeSpan length, Action<string>? trace = null) =>
        Run(seed, length, new LoopImage(ImageMegabytes), new Dictionary<string, string>(), machine => machine.PowerLoss(), trace);

    /// <summary>With a program whose flushes do nothing for a while before each loss: has to find losses, or it proves nothing.</summary>
    public static TrialResult RunWithLyingFlushes(int seed, TimeSpan length, Action<string>? trace = null)
    {
        using var faults = new FaultSwitch();
        // Below a mount whose name changes with every loss.
        return Run(seed, length, new LoopImage(ImageMegabytes), faults.Environment(Path.GetTempPath()), async machine =>
        {
            faults.Lies = true;
            await machine.World.Delay(machine.World.About(Every));
            await machine.PowerLoss();
            faults.Lies = false;
        }, trace);
    }

    private static TrialResult Run(int seed, TimeSpan length, LoopImage volume, IReadOnlyDictionary<string, string> environment, Func<RealMachine, Task> strike, Action<string>? trace) =>
        Trial.Run(seed, length, Every, volume, environment, machine => Trial.Strike(machine, length, Every, () => strike(machine)), trace);
}

using OrleansMq.Trials.Machines;

namespace OrleansMq.Trials;

/// <summary>A small file system gets full and has room again; nobody restarts anything.</summary>
internal static class FullDiskTrial
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1.5);

    public static string? WhyNot => LoopImage.WhyNot;

    public static TrialResult Run(int seed, TimeSpan length, Action<string>? trace = null)
    {
        var volume = new SmallVolume();
        var fillings = 0;
        var result = Trial.Run(seed, length, Every, volume, new Dictionary<string, string>(), machine => Trial.Strike(machine, length, Every, async () =>
        {
            fillings++;
            volume.Fill(machine.World.Random.Next(200_000));
            await machine.World.Delay(machine.World.About(TimeSpan.FromSeconds(2)));
            volume.Empty();
        }), trace);
        return result with { Faults = new Dictionary<string, int>(result.Faults) { ["full"] = fillings } };
    }
}

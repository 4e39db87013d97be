using OrleansMq.Trials.Machines;

namespace OrleansMq.Trials;

/// <summary>kill -9 under load, again and again, sometimes while the program is still starting.</summary>
internal static class KillTrial
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(0.8);

    public static TrialResult Run(int seed, TimeSpan length, Action<string>? trace = null) =>
        Trial.Run(seed, length, Every, new PlainFolder(), new Dictionary<string, string>(), machine => Trial.Strike(machine, length, Every, async () =>
        {
            await machine.Kill();
            while (machine.World.Chance(0.2))
            {
                await machine.World.Delay(TimeSpan.FromMilliseconds(machine.World.Random.Next(600)));
                await machine.Kill();
            }
        }), trace);
}

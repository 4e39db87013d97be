using System.Diagnostics;
using OrleansMq.LoadBench.Loads;
using OrleansMq.LoadBench.Measuring;

namespace OrleansMq.LoadBench.Scenarios;

internal sealed class PendingScenario : IScenario
{
    public string Name => "pending";

    public string Summary => "millions of delayed messages up to a year ahead: memory, disk, restart, and that what is due comes";

    public string Help =>
        """
        A process of its own schedules --count messages (default 10,000,000; durable, 1,000 a call, 4 calls at once): one in 50 due 30 to 60 minutes from then, the others by chance within a
        year, mixed in every call; then 20,000 that are due within half a minute. It is killed with SIGKILL. A new process opens the folder, reads what came due, and counts what still waits.
        Another body, a message too many, too few or too early, or a wrong count of what waits ends the run with an error.
        "resident": what the process had more than before its broker began, the sender's own messages included; "peak": the most it ever was. "late": of messages due more than a second after
        the new process served. "serving": from the start of its broker to the first answer of the partition. Parts: "plain", and "tokens" with an idempotency token of 12 bytes on each message.
        Default: 1 partition; --only plain or tokens.
        """;

    public async Task Run(Bench bench)
    {
        // Both processes are new in each run: there is nothing to warm.
        if (bench.WarmUp)
            return;
        foreach (var part in PendingLoad.Parts.Where(bench.Wants))
            await Run(bench, Load.Of(bench, 10_000_000, Acks.Durable), part);
    }

    private static async Task Run(Bench bench, Load load, string part)
    {
        using var folder = bench.Folder();
        using (var filling = PendingProcess.Start(PendingProcess.Fill, folder.Path, load, part))
        {
            await PendingProcess.Follow(filling, bench, part, PendingProcess.Fill);
            bench.Add($"{part}, on disk", (double)folder.AllocatedBytes / load.Count, "B/msg");
            filling.Kill();
            await filling.WaitForExitAsync();
        }

        var began = Stopwatch.GetTimestamp();
        using var opening = PendingProcess.Start(PendingProcess.Open, folder.Path, load, part);
        await PendingProcess.Follow(opening, bench, part, PendingProcess.Open);
        await opening.WaitForExitAsync();
        bench.Add($"{part}, restart and all that came due", Stopwatch.GetElapsedTime(began).TotalSeconds, "s");
    }
}

using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Simulation.Worlds;

/// <summary>Lets faults come at the seed's rate, and looks after what a good operator would: restarts a broker with a partition that stopped.</summary>
internal sealed class Misfortune(World world, WorldPlan plan, Server server)
{
    private static readonly string[] Changing = ["pwrite", "fdatasync", "fsync directory", "rename", "ftruncate", "fallocate", "open", "mkdir", "unlink"];
    private static readonly string[] Reading = ["pread", "preadv2", "list"];

    public async Task Live()
    {
        if (plan.FaultEvery == TimeSpan.Zero || plan.PossibleFaults.Count == 0)
            return;
        while (true)
        {
            await world.Delay(world.About(plan.FaultEvery));
            if (world.Elapsed > plan.Length)
            {
                // Where nothing is written until the next start, clients that insist would wait for ever.
                if (server.MustRestart && server.Broker is not null)
                    await server.Restart();
                return;
            }

            if (server.Broker is null)
                continue;
            var kind = plan.PossibleFaults[world.Random.Next(plan.PossibleFaults.Count)];
            server.Count(kind);
            await Strike(kind);
            if (server.MustRestart && world.Chance(0.8))
            {
                await world.Delay(world.About(TimeSpan.FromSeconds(1)));
                await server.Restart();
            }
        }
    }

    private async Task Strike(FaultKind kind)
    {
        switch (kind)
        {
            case FaultKind.PowerLossAtCall:
                // Most calls write nothing: at a flush of a log there is always something to tear.
                if (world.Chance(0.5))
                    server.Disk.PowerLossWhen = call => call.Operation == "fdatasync" && call.Path.EndsWith(".seg", StringComparison.Ordinal);
                else
                    server.Disk.PowerLossAt = server.Disk.Calls + world.Random.Next(1, 60);
                break;
            case FaultKind.PowerLoss:
                server.Disk.LosePower();
                break;
            case FaultKind.Kill:
                server.Kill();
                break;
            case FaultKind.CleanRestart:
                await server.Restart();
                break;
            case FaultKind.WriteError:
                var write = Changing[world.Random.Next(Changing.Length)];
                server.FailNext(DiskError.Failed, call => call.Operation == write);
                await world.Delay(TimeSpan.FromSeconds(1));
                break;
            case FaultKind.ReadError:
                var read = Reading[world.Random.Next(Reading.Length)];
                server.FailNext(DiskError.Failed, call => call.Operation == read);
                await world.Delay(TimeSpan.FromSeconds(1));
                break;
            case FaultKind.DiskFull:
                server.Disk.Capacity = server.Disk.UsedBytes + world.Random.Next(20_000);
                await world.Delay(world.About(TimeSpan.FromSeconds(3)));
                server.Disk.Capacity = long.MaxValue;
                break;
            case FaultKind.SlowDisk:
                server.Slowness = 100;
                await world.Delay(world.About(TimeSpan.FromSeconds(3)));
                server.Slowness = 1;
                break;
            case FaultKind.ClockJump:
                world.WallOffset += TimeSpan.FromMinutes(world.Random.Next(-120, 121));
                break;
            case FaultKind.Takeover:
                server.TakeOver(world.Chance(0.5) ? world.About(TimeSpan.FromSeconds(2)) : null, world.About(TimeSpan.FromSeconds(5)));
                break;
        }
    }
}

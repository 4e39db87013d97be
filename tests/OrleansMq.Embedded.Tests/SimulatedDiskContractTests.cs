using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;

namespace OrleansMq.Embedded.Tests;

/// <summary>The same promises on the file storage, over a disk that keeps after a crash no more than it must.</summary>
internal static class SimulatedDiskHost
{
    public static async Task<BrokerUnderTest> Start(ManualTime time)
    {
        var disk = new SimDisk(1);
        var crashes = 0;
        return new BrokerUnderTest(
            await Open(),
            async broker =>
            {
                await broker.DisposeAsync();
                return await Open();
            },
            async _ =>
            {
                disk.Crash(++crashes);
                return await Open();
            });

        async Task<IBroker> Open() => await EmbeddedBroker.Start(new EmbeddedOptions
        {
            Storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo()),
            Time = time,
        });
    }
}

public sealed class DiskRestartTests : RestartContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskCrashTests : CrashContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskAppendTests : AppendContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskReadTests : ReadContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskIdempotencyTests : IdempotencyContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskTimedQueueGroupTests : TimedQueueGroupContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskTimedEphemeralGroupTests : TimedEphemeralGroupContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskKeyOrderTests : KeyOrderContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskDeadLetterTests : DeadLetterContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskLimitTests : LimitContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;
using OrleansMq.Simulation.Worlds;

namespace OrleansMq.Simulation.Tests;

/// <summary>A disk whose flushes of files lie.</summary>
internal sealed class FlushLies : Planted
{
    public override void Disk(SimDisk disk) => disk.FlushLies = true;
}

/// <summary>A disk whose flushes of directories lie.</summary>
internal sealed class DirectoryFlushLies : Planted
{
    public override void Disk(SimDisk disk) => disk.DirectoryFlushLies = true;
}

/// <summary>A log that says "durable" when it is only written.</summary>
internal sealed class AcknowledgesBeforeFlush(IPartitionLog log) : FlushedBelowSnapshot(log)
{
    public override ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => base.Append(frames, false);

    public override ValueTask Flush() => default;
}

/// <summary>A storage that is not to be opened a third time.</summary>
internal sealed class OpensTwice : Planted
{
    private int _times;

    public override IStorage Storage(IStorage storage) => ++_times > 2 ? throw new StorageMissing() : storage;

    private sealed class StorageMissing() : StorageException("planted", null);
}

/// <summary>A broker that goes wrong now and then in the way that a test says.</summary>
internal sealed class WrongBroker(Func<IBroker, World, IBroker> wrap) : Planted
{
    public override IBroker Broker(IBroker broker, World world) => wrap(broker, world);
}

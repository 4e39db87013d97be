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

/// <summary>A storage that says "durable" when it is only written.</summary>
internal sealed class AcknowledgesBeforeFlush : Planted
{
    public override IStorage Storage(IStorage storage) => new Hasty(storage);

    private sealed class Hasty(IStorage storage) : IStorage
    {
        public IDocuments Documents => storage.Documents;

        public ValueTask CreateLog(LogId id, LogDefinition definition) => storage.CreateLog(id, definition);

        public async ValueTask<IPartitionLog> OpenLog(LogId id) => new HastyLog(await storage.OpenLog(id));

        public ValueTask DeleteLog(LogId id) => storage.DeleteLog(id);

        public ValueTask DisposeAsync() => storage.DisposeAsync();
    }

    private sealed class HastyLog(IPartitionLog log) : IPartitionLog
    {
        public LogId Id => log.Id;
        public ulong Incarnation => log.Incarnation;
        public int Epoch => log.Epoch;
        public long Start => log.Start;
        public long End => log.End;
        public IReadOnlyList<long> Segments => log.Segments;
        public LogSnapshot? Snapshot => log.Snapshot;

        public ValueTask Cut(long position) => log.Cut(position);

        public ValueTask Append(ReadOnlyMemory<byte> frames, bool flush) => log.Append(frames, false);

        public ValueTask Flush() => default;

        public ValueTask<int> Read(long position, Memory<byte> destination) => log.Read(position, destination);

        public void Roll() => log.Roll();

        public ValueTask TrimBefore(long position) => log.TrimBefore(position);

        public async ValueTask SaveSnapshot(long position, ReadOnlyMemory<byte> state)
        {
            await log.Flush();
            await log.SaveSnapshot(position, state);
        }

        public ValueTask DisposeAsync() => log.DisposeAsync();
    }
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

using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>Documents in 256 files, so that they are written side by side, and damage keeps few of them from being served.</summary>
internal sealed class FileDocuments : IDocuments, IDisposable
{
    private readonly IIoScheduler _io;
    private readonly ShardEnds _ends;
    private readonly DocumentShard[] _shards;

    /// <exception cref="DiskException">The folder can't be read or flushed.</exception>
    public FileDocuments(IDisk disk, IIoScheduler io, string folder, Func<ulong> draw, Action<StorageNotice> notify)
    {
        _io = io;
        Tidy(disk, folder);
        _ends = new ShardEnds(disk, folder, notify);
        _shards = [.. Enumerable.Range(0, ShardNames.Count).Select(shard => new DocumentShard(disk, folder, shard, _ends, draw, notify))];
    }

    public async ValueTask<Document?> Get(string key)
    {
        var bytes = DocumentFile.KeyBytes(key);
        return await _io.Compute(() => ShardOf(bytes).Get(key, bytes));
    }

    public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
    {
        var name = DocumentFile.KeyBytes(key);
        return await _io.Compute(() => ShardOf(name).Put(key, name, bytes, expectedVersion));
    }

    public async ValueTask Delete(string key, long expectedVersion)
    {
        var bytes = DocumentFile.KeyBytes(key);
        await _io.Run(() => ShardOf(bytes).Delete(key, bytes, expectedVersion));
    }

    public void Dispose()
    {
        foreach (var shard in _shards)
            shard.Dispose();
        _ends.Dispose();
    }

    /// <summary>Names that a crash left in the page cache are flushed before anyone is told of what is in them; what was not finished, and what was moved, goes.</summary>
    private static void Tidy(IDisk disk, string folder)
    {
        disk.FlushNames(folder);
        var entries = disk.List(folder);
        foreach (var entry in entries.Where(entry => entry.Name.EndsWith(Durably.TemporaryEnding, StringComparison.Ordinal)))
            disk.RemoveIfPossible(Path.Join(folder, entry.Name));
        foreach (var shard in entries.Any(entry => entry.IsDirectory) ? ShardNames.In(disk, folder) : [])
            FormerShard.Remove(disk, folder, shard);
    }

    private DocumentShard ShardOf(byte[] key) => _shards[ShardNames.Of(key)];
}

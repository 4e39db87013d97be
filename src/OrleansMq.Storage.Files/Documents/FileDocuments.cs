using System.Globalization;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>Documents, a file each, in 256 folders so that none grows long.</summary>
internal sealed class FileDocuments(IDisk disk, IIoScheduler io, string folder) : IDocuments
{
    private readonly DocumentShard[] _shards =
        [.. Enumerable.Range(0, 256).Select(shard => new DocumentShard(disk, Path.Join(folder, shard.ToString("x2", CultureInfo.InvariantCulture)), shard))];

    public async ValueTask<Document?> Get(string key)
    {
        var bytes = DocumentFile.KeyBytes(key);
        return await io.Compute(() => ShardOf(bytes).Get(key, bytes));
    }

    public async ValueTask<long> Put(string key, ReadOnlyMemory<byte> bytes, long expectedVersion)
    {
        var name = DocumentFile.KeyBytes(key);
        return await io.Compute(() => ShardOf(name).Put(key, name, bytes, expectedVersion));
    }

    public async ValueTask Delete(string key, long expectedVersion)
    {
        var bytes = DocumentFile.KeyBytes(key);
        await io.Run(() => ShardOf(bytes).Delete(key, bytes, expectedVersion));
    }

    private DocumentShard ShardOf(byte[] key) => _shards[Crc32C.Compute(key) & 0xFF];
}

using System.Text;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>One file of documents, on a disk that can lose its power.</summary>
public abstract class DocumentShardStory : IDisposable
{
    protected const int Number = 7;
    protected const string Folder = "/data/documents";
    protected const string File = "/data/documents/07.docs";

    private protected readonly SimDisk _disk = new(1);
    private protected readonly List<StorageNotice> _notices = [];
    private protected ulong _drawn;
    private protected ShardEnds _ends;
    private protected DocumentShard _shard;

    protected DocumentShardStory()
    {
        _disk.MakeDirectoryDurably(Folder);
        _ends = new ShardEnds(_disk, Folder, _notices.Add);
        _shard = NewShard();
    }

    public void Dispose()
    {
        _shard.Dispose();
        _ends.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected DocumentShard NewShard() => new(_disk, Folder, Number, _ends, () => ++_drawn, _notices.Add);

    /// <summary>As after a loss of power, before which nothing says how far the file was durable.</summary>
    private protected void ReopenUnknown()
    {
        _shard.Dispose();
        _ends.Dispose();
        _disk.Remove($"{Folder}/{ShardEnds.FileName}");
        _disk.FlushDirectory(Folder);
        Reopen();
    }

    private protected void Reopen()
    {
        _shard.Dispose();
        _ends.Dispose();
        _disk.Crash(3);
        _ends = new ShardEnds(_disk, Folder, _notices.Add);
        _shard = NewShard();
    }

    private protected string? Get(string key) => _shard.Get(key, Encoding.UTF8.GetBytes(key)) is { } found ? Encoding.UTF8.GetString(found.Bytes.Span) : null;

    private protected long Put(string key, string content, long expected = 0) => _shard.Put(key, Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(content), expected);

    private protected void Delete(string key, long expected) => _shard.Delete(key, Encoding.UTF8.GetBytes(key), expected);

    private protected (long From, long To) RecordOf(string key)
    {
        var placed = ShardView.Read(_disk, Folder, Number).Scan.Records.Last(placed => ShardView.KeyOf(placed.Record) == key);
        return (placed.Offset, placed.End);
    }

    private protected void FlipNewestOf(string key) => _disk.FlipBit(File, RecordOf(key).From + 64, 3);
}

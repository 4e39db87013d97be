using System.Buffers.Binary;
using OrleansMq.Records;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>
/// Up to where the files of documents are known to be durable: what is missing below was not cut off by a loss of power. Written after each change and flushed at the end alone, so after a
/// loss of power it may say less; never more, once a journal that there is was applied.
/// <code>
/// for each shard 32 bytes:
///  0 salt        u64   of the file that is meant
///  8 end         i64
/// 16 shard + 1   u32   so that an entry in another's place is found; 0: written before there was one
/// 20 reserved    8 B   0
/// 28 CRC32C      u32   of the bytes before
/// </code>
/// </summary>
internal sealed class ShardEnds : IDisposable
{
    public const string FileName = "ends";

    /// <summary>What helps where a file of documents is damaged or gone.</summary>
    public const string Cure = $"restore the file from a copy, and remove the file {FileName} beside it";

    private const int Size = 32;

    private readonly IDiskFile? _file;
    private volatile bool _changed;

    /// <summary>A file that is missing, or that there is no room for, says nothing.</summary>
    public ShardEnds(IDisk disk, string documents, Action<StorageNotice> notify)
    {
        var path = Path.Join(documents, FileName);
        try
        {
            if (!disk.Exists(path))
                disk.Open(path, DiskOpenMode.Create).Dispose();
            _file = disk.Open(path, DiskOpenMode.ReadWrite);
        }
        catch (DiskException e) when (e.IsRefusal)
        {
            notify(new StorageNotice(path, $"{e.Message}. Until the next start nothing tells of files of documents how far they are durable."));
        }
    }

    /// <summary>0 where nothing is known.</summary>
    public static long Read(IDisk disk, string documents, int shard, ulong salt)
    {
        try
        {
            using var file = disk.Open(Path.Join(documents, FileName), DiskOpenMode.Read);
            return Read(file, shard, salt);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return 0;
        }
    }

    /// <summary>Shards that had a file and have none.</summary>
    public static List<int> MissingIn(IDisk disk, string documents)
    {
        if (!disk.Exists(Path.Join(documents, FileName)))
            return [];
        using var file = disk.Open(Path.Join(documents, FileName), DiskOpenMode.Read);
        return [.. Enumerable.Range(0, ShardNames.Count).Except(ShardNames.In(disk, documents)).Where(shard => Entry(file, shard) is not null)];
    }

    /// <summary>Shards whose entry does not read back: nothing is known of them then.</summary>
    public static List<int> DamagedIn(IDisk disk, string documents)
    {
        if (!disk.Exists(Path.Join(documents, FileName)))
            return [];
        var all = disk.ReadWhole(Path.Join(documents, FileName));
        return [.. Enumerable.Range(0, (all.Length + Size - 1) / Size).Where(shard => !IsWhole(all.AsSpan(shard * Size, Math.Min(Size, all.Length - shard * Size)), shard))];
    }

    private static bool IsWhole(ReadOnlySpan<byte> entry, int shard) =>
        !entry.ContainsAnyExcept((byte)0)
        || (entry.Length == Size && BinaryPrimitives.ReadUInt32LittleEndian(entry[28..]) == Crc32C.Compute(entry[..28]) && IsOf(shard, BinaryPrimitives.ReadInt32LittleEndian(entry[16..])));

    private static bool IsOf(int shard, int mark) => mark == 0 || mark == shard + 1;

    public long Read(int shard, ulong salt) => _file is null ? 0 : Read(_file, shard, salt);

    /// <summary>Whether the shard ever had a file.</summary>
    public bool Knows(int shard) => _file is not null && Entry(_file, shard) is not null;

    public void Write(int shard, ulong salt, long end)
    {
        Span<byte> entry = stackalloc byte[Size];
        entry.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(entry, salt);
        BinaryPrimitives.WriteInt64LittleEndian(entry[8..], end);
        BinaryPrimitives.WriteInt32LittleEndian(entry[16..], shard + 1);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[28..], Crc32C.Compute(entry[..28]));
        try
        {
            _file?.Write(entry, (long)shard * Size);
            _changed = true;
        }
        catch (DiskException)
        {
            // What it said before is true still.
        }
    }

    public void Dispose()
    {
        try
        {
            if (_changed)
                _file?.Flush();
        }
        catch (DiskException)
        {
            // Likewise.
        }

        _file?.Dispose();
    }

    private static long Read(IDiskFile file, int shard, ulong salt) =>
        Entry(file, shard) is { } entry && BinaryPrimitives.ReadUInt64LittleEndian(entry) == salt ? BinaryPrimitives.ReadInt64LittleEndian(entry.AsSpan(8)) : 0;

    /// <summary>Null where nothing was ever written, or does not read back as this shard's.</summary>
    private static byte[]? Entry(IDiskFile file, int shard)
    {
        var entry = new byte[Size];
        return file.ReadUpTo(entry, (long)shard * Size) == Size && IsWhole(entry, shard) && entry.AsSpan().ContainsAnyExcept((byte)0) ? entry : null;
    }
}

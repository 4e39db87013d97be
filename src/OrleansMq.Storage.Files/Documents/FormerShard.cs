using System.Buffers.Binary;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Documents;

/// <summary>
/// A shard as earlier versions wrote it: a folder with a file for each document and a <c>floor</c>, a <see cref="SlotFile"/> whose content begins with the highest version that was ever
/// deleted there (i64).
/// </summary>
internal static class FormerShard
{
    private const string FloorName = "floor";

    /// <summary>Above any version that a lost slot can have held.</summary>
    private const long Doubt = 1L << 32;

    /// <summary>Writes what it holds into one file, durably, and removes it.</summary>
    /// <returns>False if there is none.</returns>
    /// <exception cref="LogDamagedException">Something in it does not read back; nothing is changed.</exception>
    public static bool Move(IDisk disk, string documents, int shard, ulong salt)
    {
        var folder = Path.Join(documents, ShardNames.FormerFolderOf(shard));
        var names = disk.ListOrEmpty(folder).Select(entry => entry.Name).ToList();
        if (!names.Contains(FloorName))
            return names.Exists(name => name.EndsWith(DocumentFile.Ending, StringComparison.Ordinal))
                ? throw new LogDamagedException($"{Path.Join(folder, FloorName)} is missing beside documents. Restore the file from a copy.")
                : false;
        var file = new ShardFile(shard, salt, Floor(disk, Path.Join(folder, FloorName), shard));
        foreach (var name in names.Where(name => name.EndsWith(DocumentFile.Ending, StringComparison.Ordinal)))
        {
            var (key, document) = Read(disk, Path.Join(folder, name));
            file.Add(document.Version, key, document.Bytes);
        }

        disk.Replace(Path.Join(documents, ShardNames.FileOf(shard)), file.Pieces);
        Remove(disk, documents, shard);
        return true;
    }

    /// <summary>The folders that were not moved yet.</summary>
    public static IEnumerable<string> In(IDisk disk, string documents) =>
        from shard in Enumerable.Range(0, ShardNames.Count).Except(ShardNames.In(disk, documents))
        let folder = Path.Join(documents, ShardNames.FormerFolderOf(shard))
        where disk.ListOrEmpty(folder).Any()
        select folder;

    /// <summary>Removes what was moved; if it can't be, the next opening does.</summary>
    public static void Remove(IDisk disk, string documents, int shard)
    {
        try
        {
            disk.RemoveTree(Path.Join(documents, ShardNames.FormerFolderOf(shard)));
        }
        catch (DiskException)
        {
        }
    }

    private static long Floor(IDisk disk, string path, int shard)
    {
        var slot = SlotFile.Read(disk.ReadWhole(path), path, (ulong)shard + 1);
        return BinaryPrimitives.ReadInt64LittleEndian(slot.Content.Span) + (slot.OtherUnreadable ? Doubt : 0);
    }

    private static (byte[] Key, Document Document) Read(IDisk disk, string path)
    {
        if (DocumentFile.Decode(disk.ReadWhole(path)) is var (key, document) && DocumentFile.KeyBytes(key) is var bytes && DocumentFile.FileName(bytes) == Path.GetFileName(path))
            return (bytes, document);
        throw new LogDamagedException($"{path}: the document does not read back as written. Restore the file from a copy.");
    }
}

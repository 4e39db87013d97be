using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>The snapshots in a log's folder.</summary>
internal static class SnapshotsOf
{
    /// <summary>Positions of those that read back, the oldest first.</summary>
    public static List<long> Whole(IDisk disk, string folder, LogIdentity identity) => [.. All(disk, folder, identity).Where(each => each.IsWhole).Select(each => each.Position)];

    /// <summary>The newest that reads back and does not lie before a position.</summary>
    public static LogSnapshot? Newest(IDisk disk, string folder, LogIdentity identity, long from) =>
        Whole(disk, folder, identity).LastOrDefault(-1) is var newest && newest >= from ? SnapshotFile.Read(disk, Path.Join(folder, SnapshotFile.FileName(newest)), identity, newest) : null;

    /// <summary>The log was at least that long: one that has its name was whole once, also where it does not read back now.</summary>
    public static long Reach(IDisk disk, string folder)
    {
        var reach = 0L;
        foreach (var entry in disk.List(folder))
            if (SnapshotFile.TryParseName(entry.Name, out var position))
                reach = Math.Max(reach, position);
        return reach;
    }

    /// <summary>Paths of those that don't.</summary>
    public static List<string> Damaged(IDisk disk, string folder, LogIdentity identity) => [.. All(disk, folder, identity).Where(each => !each.IsWhole).Select(each => each.Path)];

    private static IEnumerable<(string Path, long Position, bool IsWhole)> All(IDisk disk, string folder, LogIdentity identity)
    {
        foreach (var entry in disk.List(folder))
        {
            if (!SnapshotFile.TryParseName(entry.Name, out var position))
                continue;
            var path = Path.Join(folder, entry.Name);
            using var content = SnapshotFile.Read(disk, path, identity, position);
            yield return (path, position, content is not null);
        }
    }
}

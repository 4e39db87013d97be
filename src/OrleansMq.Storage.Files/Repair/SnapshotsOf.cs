using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>The snapshots in a log's folder.</summary>
internal static class SnapshotsOf
{
    /// <summary>Those that read back, the oldest first.</summary>
    public static List<LogSnapshot> Whole(IDisk disk, string folder, LogIdentity identity) => [.. All(disk, folder, identity).Select(each => each.Content).OfType<LogSnapshot>()];

    /// <summary>Paths of those that don't.</summary>
    public static List<string> Damaged(IDisk disk, string folder, LogIdentity identity) => [.. All(disk, folder, identity).Where(each => each.Content is null).Select(each => each.Path)];

    private static IEnumerable<(string Path, LogSnapshot? Content)> All(IDisk disk, string folder, LogIdentity identity)
    {
        foreach (var entry in disk.List(folder))
            if (SnapshotFile.TryParseName(entry.Name, out var position) && Path.Join(folder, entry.Name) is var path)
                yield return (path, SnapshotFile.Decode(disk.ReadWhole(path), identity, position));
    }
}

using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>Files as they were, beside the folder. Each is there for good before the first byte of the original changes.</summary>
internal sealed class RepairCopies(IDisk disk, string root, string into)
{
    private const int PieceBytes = 1 << 20;

    private readonly HashSet<string> _kept = new(StringComparer.Ordinal);

    /// <summary>Null as long as nothing was kept.</summary>
    public string? Folder => _kept.Count > 0 ? into : null;

    /// <summary>A folder beside this one that is not there yet.</summary>
    public static string Beside(IDisk disk, string root, DateTimeOffset now)
    {
        var name = FormattableString.Invariant($"{root}.before-repair-{now.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}");
        for (var number = 1; ; number++)
            if ((number == 1 ? name : FormattableString.Invariant($"{name}-{number}")) is var free && !disk.Exists(free))
                return free;
    }

    public void Keep(string path)
    {
        if (_kept.Contains(path) || !disk.Exists(path))
            return;
        var copy = Path.Join(into, Path.GetRelativePath(root, path));
        _kept.Add(path);
        // Of a repair that was cut off, into the same place: that is the file as it was.
        if (disk.Exists(copy))
            return;
        disk.MakeDirectoryDurably(Path.GetDirectoryName(copy)!);
        Copy(path, copy + Durably.TemporaryEnding);
        disk.Rename(copy + Durably.TemporaryEnding, copy);
        disk.FlushNames(Path.GetDirectoryName(copy)!);
    }

    private void Copy(string from, string to)
    {
        using var source = disk.Open(from, DiskOpenMode.Read);
        using var target = disk.Open(to, DiskOpenMode.Create);
        var piece = new byte[PieceBytes];
        for (long at = 0; source.ReadUpTo(piece, at) is > 0 and var count; at += count)
            target.Write(piece.AsSpan(0, count), at);
        target.Flush();
    }
}

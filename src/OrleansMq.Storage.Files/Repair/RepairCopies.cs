using System.Text;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>Files as they were, beside the folder. Each is there for good before the first byte of the original changes.</summary>
internal sealed class RepairCopies(IDisk disk, string root, string into)
{
    private const int PieceBytes = 1 << 20;

    /// <summary>Of a trial: there is nothing to be kept.</summary>
    public static readonly RepairCopies None = new(null!, "", "");

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
        if (this == None || _kept.Contains(path) || !disk.Exists(path))
            return;
        var copy = Free(path, Path.Join(into, Path.GetRelativePath(root, path)));
        if (copy is not null)
        {
            disk.MakeDirectoryDurably(Path.GetDirectoryName(copy)!);
            Copy(path, copy + Durably.TemporaryEnding);
            disk.Rename(copy + Durably.TemporaryEnding, copy);
            disk.FlushNames(Path.GetDirectoryName(copy)!);
        }

        _kept.Add(path);
    }

    /// <summary>Writes down what is about to be done, and what is lost by it, before it is done.</summary>
    /// <returns>Where.</returns>
    public string Note(IEnumerable<RepairStep> steps)
    {
        disk.MakeDirectoryDurably(into);
        for (var number = 1; ; number++)
            if (Path.Join(into, FormattableString.Invariant($"repair-{number}.txt")) is var path && !disk.Exists(path))
            {
                disk.Replace(path, Encoding.UTF8.GetBytes(string.Join('\n', steps) + "\n"));
                _kept.Add(path);
                return path;
            }
    }

    /// <summary>What an earlier repair copied to the same place stays: a file that is another by now gets a number. Null: it lies there as it is.</summary>
    private string? Free(string path, string copy)
    {
        for (var number = 1; ; number++)
        {
            var name = number == 1 ? copy : FormattableString.Invariant($"{copy}.{number}");
            if (!disk.Exists(name))
                return name;
            if (AreAlike(path, name))
                return null;
        }
    }

    private bool AreAlike(string one, string other)
    {
        using var a = disk.Open(one, DiskOpenMode.Read);
        using var b = disk.Open(other, DiskOpenMode.Read);
        if (a.Length != b.Length)
            return false;
        var (first, second) = (new byte[PieceBytes], new byte[PieceBytes]);
        for (long at = 0; a.ReadUpTo(first, at) is > 0 and var count; at += count)
            if (b.ReadUpTo(second, at) != count || !first.AsSpan(0, count).SequenceEqual(second.AsSpan(0, count)))
                return false;
        return true;
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

using System.Globalization;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>Which value a cell holds: its version, and a number drawn for it so that no name ever comes again.</summary>
internal sealed record CellName(long Version, ulong Unique)
{
    private const string PointerBeginning = "c-";
    private const string ValueBeginning = "v-";

    public string Pointer => PointerBeginning + Suffix;

    public string Value => ValueBeginning + Suffix;

    private string Suffix => string.Create(CultureInfo.InvariantCulture, $"{Version:D20}-{Unique:x16}");

    public static CellName? OfPointer(string file) => Parse(file, PointerBeginning);

    public static CellName? OfValue(string file) => Parse(file, ValueBeginning);

    private static CellName? Parse(string file, string beginning) =>
        file.Length == beginning.Length + 37
        && file.StartsWith(beginning, StringComparison.Ordinal)
        && long.TryParse(file.AsSpan(beginning.Length, 20), NumberStyles.None, CultureInfo.InvariantCulture, out var version)
        && ulong.TryParse(file.AsSpan(beginning.Length + 21), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unique)
            ? new CellName(version, unique)
            : null;
}

/// <summary>
/// A folder that holds one value at a time, replaced by compare-and-swap between processes without any lock, so that a process
/// that is stopped in the middle keeps nobody waiting and comes back to find that it lost.
/// <code>
/// c-VERSION-UNIQUE    the pointer: an empty file, exactly one. Renaming it to the next name is the swap: the system lets one renamer
///                     find it, and no name comes again
/// v-VERSION-UNIQUE    the value that the pointer of the same name stands for; one with a version above the pointer's is being
///                     written or was given up, those below are nobody's
/// </code>
/// </summary>
/// <remarks>
/// Needs of the volume: rename within a folder is atomic and its loser is told that the source is missing; renaming a folder onto one that has
/// content fails; open() sees names as they are now (POSIX file systems; NFS 4 by its close-to-open rule). docs/decisions/0014.
/// </remarks>
internal sealed class SharedCell(IDisk disk, string folder, Func<ulong> draw)
{
    // A listing that meets a swap in the middle may show no pointer, or two. Each further look meets another swap only if somebody swaps all the time.
    private const int Looks = 1000;

    public string Folder => folder;

    /// <summary>The value and its name; null if there is no such cell. What is returned is durable, whoever wrote it.</summary>
    public (CellName Name, byte[] Bytes)? Read()
    {
        for (var look = 0; look < Looks; look++)
        {
            if (TryList() is not { } entries)
                return null;
            var pointers = entries.Select(entry => CellName.OfPointer(entry.Name)).OfType<CellName>().Take(2).ToList();
            if (pointers is [var name] && TryReadValue(name) is { } bytes)
            {
                FlushIfThere();
                return (name, bytes);
            }
        }
        throw new DiskException(DiskError.Failed, "read", folder, "its one pointer was not found; was a file of it removed by hand?");
    }

    /// <summary>Makes the cell with its first value, and what else lies in its folder from the start.</summary>
    /// <param name="making">A folder on the same volume.</param>
    /// <returns>Null if the cell is there already.</returns>
    public CellName? Make(string making, byte[] bytes, Action<string>? fill = null)
    {
        var first = new CellName(1, draw());
        var temporary = Path.Join(making, draw().ToString("x16", CultureInfo.InvariantCulture));
        disk.MakeDirectory(temporary);
        try
        {
            fill?.Invoke(temporary);
            WriteDurably(Path.Join(temporary, first.Value), bytes);
            WriteDurably(Path.Join(temporary, first.Pointer), []);
            disk.FlushNames(temporary);
            if (!TryPutInPlace(temporary))
                return null;
        }
        finally
        {
            RemoveTreeIfPossible(temporary);
        }
        disk.FlushNames(Path.GetDirectoryName(folder)!);
        disk.FlushNames(making);
        return first;
    }

    /// <summary>The name that <see cref="Replace"/> would give the next value.</summary>
    public CellName Next(CellName seen) => new(seen.Version + 1, draw());

    /// <summary>Replaces the value if it is still the one seen. An exception leaves it open whether it was.</summary>
    /// <returns>False if somebody else was first, or the cell is gone.</returns>
    public bool Replace(CellName seen, CellName next, byte[] bytes)
    {
        try
        {
            WriteDurably(Path.Join(folder, next.Value), bytes);
            disk.FlushNames(folder);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return false;
        }
        if (!TryRename(Path.Join(folder, seen.Pointer), Path.Join(folder, next.Pointer)) && !IsCurrent(next))
        {
            disk.RemoveIfPossible(Path.Join(folder, next.Value));
            return false;
        }
        disk.FlushNames(folder);
        RemoveValuesUpTo(next);
        return true;
    }

    /// <summary>Whether the cell still holds that value. By open(), which asks the server where the volume is one.</summary>
    public bool IsCurrent(CellName name)
    {
        try
        {
            disk.Open(Path.Join(folder, name.Pointer), DiskOpenMode.Read).Dispose();
            return true;
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return false;
        }
    }

    /// <summary>A value whose version is not above the pointer's can't win any more: whoever writes it will not find the pointer it saw.</summary>
    private void RemoveValuesUpTo(CellName current)
    {
        foreach (var entry in disk.ListOrEmpty(folder))
        {
            if (CellName.OfValue(entry.Name) is { } value && value.Version <= current.Version && value != current)
                disk.RemoveIfPossible(Path.Join(folder, entry.Name));
        }
    }

    private IReadOnlyList<DiskEntry>? TryList()
    {
        try
        {
            return disk.List(folder);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return null;
        }
    }

    private byte[]? TryReadValue(CellName name)
    {
        try
        {
            return disk.ReadWhole(Path.Join(folder, name.Value));
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return null;
        }
    }

    private void FlushIfThere()
    {
        try
        {
            disk.FlushNames(folder);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            // Deleted in between; the value was true when it was read.
        }
    }

    private bool TryRename(string from, string to)
    {
        try
        {
            disk.Rename(from, to);
            return true;
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return false;
        }
    }

    /// <summary>The systems name the refusal differently; that the cell is there says what it was.</summary>
    private bool TryPutInPlace(string temporary)
    {
        try
        {
            disk.Rename(temporary, folder);
            return true;
        }
        catch (DiskException) when (Read() is not null)
        {
            return false;
        }
    }

    private void RemoveTreeIfPossible(string path)
    {
        try
        {
            disk.RemoveTree(path);
        }
        catch (DiskException)
        {
            // In its place by now, or left for the next start.
        }
    }

    private void WriteDurably(string path, byte[] bytes)
    {
        try
        {
            using var file = disk.Open(path, DiskOpenMode.Create);
            file.Write(bytes, 0);
            file.Flush();
        }
        catch (DiskException)
        {
            disk.RemoveIfPossible(path);
            throw;
        }
    }
}

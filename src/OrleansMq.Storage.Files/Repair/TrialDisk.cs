using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// A disk beside the real one: what is written to it stays in memory, and all else is read from there. A repair is tried on it, and what came of it is looked at, before a byte of
/// the real one changes.
/// </summary>
internal sealed class TrialDisk(IDisk real) : IDisk
{
    /// <summary>Null: it was removed.</summary>
    private readonly Dictionary<string, TrialFile?> _files = new(StringComparer.Ordinal);

    private readonly HashSet<string> _made = new(StringComparer.Ordinal);

    public IDiskFile Open(string path, DiskOpenMode mode)
    {
        if (mode == DiskOpenMode.Create)
            return (_files[path] = new TrialFile(null)).Use();
        if (_files.TryGetValue(path, out var there))
            return (there ?? throw Missing("open", path)).Use();
        if (mode == DiskOpenMode.Read)
            return real.Open(path, mode);
        return (_files[path] = new TrialFile(() => real.Open(path, DiskOpenMode.Read))).Use();
    }

    public void Rename(string from, string to)
    {
        if (!_files.TryGetValue(from, out var file) || file is null)
            throw new NotSupportedException($"A repair renames what it made; {from} is none.");
        (_files[to], _files[from]) = (file, null);
    }

    public void Remove(string path)
    {
        if (_files.TryGetValue(path, out var file) ? file is null : !real.Exists(path))
            throw Missing("remove", path);
        _files[path] = null;
    }

    public bool MakeDirectory(string path) => !real.Exists(path) && _made.Add(path);

    public void RemoveDirectory(string path) => throw new NotSupportedException("A repair removes no directory.");

    public void FlushDirectory(string path)
    {
    }

    public IReadOnlyList<DiskEntry> List(string path)
    {
        var entries = (_made.Contains(path) ? real.ListOrEmpty(path) : real.List(path)).ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        foreach (var (file, content) in _files.Where(file => Path.GetDirectoryName(file.Key) == path))
        {
            entries.Remove(Path.GetFileName(file));
            if (content is not null)
                entries.Add(Path.GetFileName(file), new DiskEntry(Path.GetFileName(file), false));
        }

        return [.. entries.Values.OrderBy(entry => entry.Name, StringComparer.Ordinal)];
    }

    /// <summary>The real disk's lock is held by whoever tries.</summary>
    public IDisposable Lock(string path, bool shared) => new MemoryStream();

    private static DiskException Missing(string operation, string path) => new(DiskError.Missing, operation, path, "it is not there");
}

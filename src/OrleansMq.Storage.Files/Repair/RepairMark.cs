using System.Text;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// A file in the folder that keeps brokers from half of a repair. A line for each thing that is being changed, or was when a repair was cut off or failed:
/// <code>
/// accept-loss|no-loss TAB path in the folder, with '/'
/// </code>
/// </summary>
internal sealed class RepairMark
{
    private const string WithLoss = "accept-loss";
    private const string WithoutLoss = "no-loss";

    /// <summary>The line of a mark that does not parse: anything may have been begun.</summary>
    private const string Whole = ".";

    private readonly IDisk _disk;
    private readonly DataFolder _folder;

    /// <summary>Whether losses were accepted, by path.</summary>
    private readonly SortedDictionary<string, bool> _lines;

    private RepairMark(IDisk disk, DataFolder folder, SortedDictionary<string, bool> lines) => (_disk, _folder, _lines) = (disk, folder, lines);

    public static RepairMark Read(IDisk disk, DataFolder folder) =>
        new(disk, folder, disk.Exists(folder.Repairing) ? Parse(Encoding.UTF8.GetString(disk.ReadWhole(folder.Repairing))) : new(StringComparer.Ordinal));

    public bool IsEmpty => _lines.Count == 0;

    /// <summary>Of what was begun something may be given up: only a repair that may do so completes it.</summary>
    public bool NeedsAcceptLoss => _lines.ContainsValue(true);

    /// <summary>What was begun, for people.</summary>
    public string Named => string.Join(", ", _lines.Keys.Take(3)) + (_lines.Count > 3 ? $" and {_lines.Count - 3} more" : "");

    /// <summary>Whether what was begun there is completed only where losses are accepted.</summary>
    public bool NeedsAcceptLossAt(string path) => _lines.GetValueOrDefault(Key(path)) || _lines.GetValueOrDefault(Whole);

    /// <summary>Durably, before the first change. It is written also where the line is there: whoever wrote it may have been cut off before its name was flushed.</summary>
    public void Set(string path, bool acceptLoss)
    {
        var before = _lines.TryGetValue(Key(path), out var accepted);
        _lines[Key(path)] = acceptLoss || accepted;
        try
        {
            Write();
        }
        catch (DiskException) when (!before)
        {
            _lines.Remove(Key(path));
            throw;
        }
    }

    /// <summary>Nothing of it is half done any more.</summary>
    public void Clear(string path) => Clear([Key(path)]);

    /// <summary>At the end of a run that looked at everything.</summary>
    /// <param name="leftNothing">It accepted losses, and nothing is left.</param>
    public void ClearWhatIsGone(bool leftNothing) =>
        Clear([.. _lines.Keys.Where(key => key == Whole ? leftNothing : !_disk.Exists(Path.Join(_folder.Root, key)))]);

    private void Clear(IReadOnlyList<string> keys)
    {
        var gone = keys.Where(_lines.ContainsKey).Select(key => (Key: key, AcceptLoss: _lines[key])).ToList();
        if (gone.Count == 0)
            return;
        foreach (var (key, _) in gone)
            _lines.Remove(key);
        try
        {
            Write();
        }
        catch (DiskException)
        {
            // The lines are there still.
            foreach (var (key, acceptLoss) in gone)
                _lines[key] = acceptLoss;
            throw;
        }
    }

    private void Write()
    {
        if (_lines.Count > 0)
        {
            _disk.Replace(_folder.Repairing, Encoding.UTF8.GetBytes(string.Concat(_lines.Select(line => $"{(line.Value ? WithLoss : WithoutLoss)}\t{line.Key}\n"))));
            return;
        }

        if (_disk.Exists(_folder.Repairing))
            _disk.Remove(_folder.Repairing);
        _disk.FlushNames(_folder.Root);
    }

    private string Key(string path) => Path.GetRelativePath(_folder.Root, path).Replace(Path.DirectorySeparatorChar, '/');

    private static SortedDictionary<string, bool> Parse(string text)
    {
        var lines = new SortedDictionary<string, bool>(StringComparer.Ordinal);
        foreach (var line in text.Split('\n')[..^1])
            if (line.Split('\t') is [WithLoss or WithoutLoss, { Length: > 0 } path])
                lines[path] = line.StartsWith(WithLoss, StringComparison.Ordinal);
            else
                return Unread();
        return lines.Count > 0 && text.EndsWith('\n') ? lines : Unread();
    }

    private static SortedDictionary<string, bool> Unread() => new(StringComparer.Ordinal) { [Whole] = true };
}

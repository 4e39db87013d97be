namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// Which paths the journal speaks of, so that nothing is done to one of them beside the journal which its records would undo. Guarded by the journal's gate.
/// </summary>
internal sealed class LivePaths
{
    private readonly Dictionary<string, LivePath> _paths = [];
    private readonly Dictionary<string, int> _below = [];

    // Directories in which records changed names, with the last of them.
    private readonly Dictionary<string, long> _names = [];
    private int _removed;

    public LivePath? Find(string path) => _paths.GetValueOrDefault(path);

    /// <summary>Whether it speaks of something directly in the directory.</summary>
    public bool AnyIn(string directory) => _below.ContainsKey(directory);

    /// <summary>The last record that changed a name in the directory; 0: none.</summary>
    public long LastNameIn(string directory) => _names.GetValueOrDefault(directory);

    /// <summary>Whether a record removes it, or a directory above.</summary>
    public bool IsRemoved(string path)
    {
        for (var at = path; _removed > 0 && at.Length > 0; at = ParentOf(at))
            if (_paths.GetValueOrDefault(at) is { Removed: > 0 })
                return true;
        return false;
    }

    public void Note(long number, in JournalRecord record, long contentLength)
    {
        if (record.Kind == JournalKind.Settled)
            return;
        var live = Touch(record.Path, number);
        switch (record.Kind)
        {
            case JournalKind.Create or JournalKind.MakeDirectory:
                Made(live, record.Path, number);
                live.IsDirectory = record.Kind == JournalKind.MakeDirectory;
                break;
            case JournalKind.Put:
                Made(live, record.Path, number);
                live.Bounded = number;
                break;
            case JournalKind.Write:
                live.WrittenTo = Math.Max(live.WrittenTo, record.Offset + contentLength);
                break;
            case JournalKind.Shorten:
                live.Bounded = number;
                break;
            case JournalKind.Remove:
                _removed += live.Removed == 0 ? 1 : 0;
                live.Removed = number;
                _names[ParentOf(record.Path)] = number;
                break;
        }
    }

    /// <summary>The records up to this one are in the files.</summary>
    public void Settle(long upTo)
    {
        foreach (var (path, live) in _paths)
        {
            if (live.Removed > 0 && live.Removed <= upTo)
            {
                live.Removed = 0;
                _removed--;
            }
            if (live.Made <= upTo)
                live.Made = 0;
            if (live.Bounded <= upTo)
                live.Bounded = 0;
            live.First = Math.Max(live.First, upTo + 1);
            if (live.Last <= upTo)
                Forget(path);
        }
        foreach (var (directory, last) in _names)
            if (last <= upTo)
                _names.Remove(directory);
    }

    public List<string> FilesUpTo(long number) => [.. _paths.Where(path => path.Value.First <= number && !path.Value.IsDirectory).Select(path => path.Key)];

    public List<string> Directories() => [.. _names.Keys];

    public static string ParentOf(string path) => path.LastIndexOf('/') is >= 0 and var slash ? path[..slash] : "";

    private LivePath Touch(string path, long number)
    {
        if (!_paths.TryGetValue(path, out var live))
        {
            _paths[path] = live = new LivePath { First = number };
            var parent = ParentOf(path);
            _below[parent] = _below.GetValueOrDefault(parent) + 1;
        }
        live.Last = number;
        return live;
    }

    private void Made(LivePath live, string path, long number)
    {
        live.Made = number;
        live.NameIsFlushed = false;
        _names[ParentOf(path)] = number;
    }

    private void Forget(string path)
    {
        _paths.Remove(path);
        var parent = ParentOf(path);
        if (--_below[parent] == 0)
            _below.Remove(parent);
    }
}

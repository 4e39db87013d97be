namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// In which directories every name is durable or in the journal. The others are flushed themselves: those not looked at yet by this process, and those in
/// which something changed beside the journal. Whoever finds one uncertain flushes it; nobody is told of a flush that is under way.
/// </summary>
internal sealed class DirectoryNames
{
    /// <summary>Beyond it all are forgotten, which costs a flush more each.</summary>
    private const int Most = 65_536;

    private readonly Lock _gate = new();
    private readonly HashSet<string> _certain = [];
    private long _changes;

    /// <summary>An empty directory was made.</summary>
    public void Made(string directory)
    {
        lock (_gate)
            Add(directory);
    }

    /// <summary>A name changed, or is about to change, beside the journal.</summary>
    public void Changed(string path)
    {
        lock (_gate)
        {
            _changes++;
            _certain.Remove(LivePaths.ParentOf(path));
            // If it was one itself.
            _certain.Remove(path);
        }
    }

    /// <param name="change">For <see cref="Flushed"/>.</param>
    public bool IsUncertain(string directory, out long change)
    {
        lock (_gate)
        {
            change = _changes;
            return !_certain.Contains(directory);
        }
    }

    /// <summary>It was flushed. Where something changed since it was asked about, anywhere, that says nothing.</summary>
    public void Flushed(string directory, long change)
    {
        lock (_gate)
            if (change == _changes)
                Add(directory);
    }

    private void Add(string directory)
    {
        if (_certain.Count >= Most)
            _certain.Clear();
        _certain.Add(directory);
    }
}

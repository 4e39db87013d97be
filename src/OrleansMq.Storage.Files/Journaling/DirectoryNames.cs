namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// In which directories every name is durable or in the journal. The others are flushed themselves: those not looked at yet by this process, and those in
/// which something changed beside the journal.
/// </summary>
internal sealed class DirectoryNames
{
    /// <summary>Beyond it all are forgotten, which costs a flush more each.</summary>
    private const int Most = 65_536;

    private readonly Lock _gate = new();
    private readonly HashSet<string> _certain = [];

    /// <summary>An empty directory was made.</summary>
    public void Made(string directory) => Add(directory);

    /// <summary>A name changed beside the journal.</summary>
    public void Changed(string path)
    {
        lock (_gate)
        {
            _certain.Remove(LivePaths.ParentOf(path));
            // If it was one itself.
            _certain.Remove(path);
        }
    }

    public void InDoubt(string directory)
    {
        lock (_gate)
            _certain.Remove(directory);
    }

    /// <summary>Whether the directory has to be flushed itself; whoever is told so does it, or calls <see cref="InDoubt"/>.</summary>
    public bool TakeUncertain(string directory) => Add(directory);

    private bool Add(string directory)
    {
        lock (_gate)
        {
            if (_certain.Count >= Most)
                _certain.Clear();
            return _certain.Add(directory);
        }
    }
}

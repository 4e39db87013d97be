namespace OrleansMq.Simulation.Disk;

/// <summary>A directory: the names as the page cache shows them and as the platter has them. Nodes are <see cref="SimInode"/> or <see cref="SimFolder"/>.</summary>
internal sealed class SimFolder
{
    public SortedDictionary<string, object> Cached { get; private set; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, object> Durable { get; } = new(StringComparer.Ordinal);

    /// <summary>Changes of names that no flush has covered yet, in order.</summary>
    public List<SimNameChange> Unflushed { get; } = [];

    public void Flush()
    {
        foreach (var change in Unflushed)
            change.Store();
        Unflushed.Clear();
    }

    /// <summary>Half of the crashes keep a beginning of the changes, as a journal does; the others any of them.</summary>
    public void Crash(Random random)
    {
        var inOrder = random.Next(2) == 0;
        var keep = random.NextDouble();
        foreach (var change in Unflushed)
        {
            if (change.Survives ??= random.NextDouble() < keep)
                change.Store();
            else if (inOrder)
                keep = 0;
        }
        Unflushed.Clear();
    }

    /// <summary>What is read after the crash is what the platter has.</summary>
    public void ForgetCache(Random random)
    {
        Cached = new(Durable, StringComparer.Ordinal);
        foreach (var node in Cached.Values)
        {
            if (node is SimFolder folder)
                folder.ForgetCache(random);
            else
                ((SimInode)node).Crash(random);
        }
    }
}

/// <summary>One change of names, in one directory or over two; it survives a crash as a whole or not at all.</summary>
internal sealed class SimNameChange(Action store)
{
    private bool _stored;

    /// <summary>Decided once, by the first directory that is asked.</summary>
    public bool? Survives { get; set; }

    public void Store()
    {
        if (!_stored)
            store();
        _stored = true;
    }
}

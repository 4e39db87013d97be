namespace OrleansMq.Server.Deadlines;

/// <summary>
/// When partitions are to be looked at and which are open, in memory and in the grain storage: all of it, written seldom, and what changed since then, written often. So an
/// opening is a small write, however many partitions are open. All members run in the grain's activation.
/// </summary>
internal sealed class DeadlineStore(IPersistentState<DeadlineShelf> all, IPersistentState<DeadlineChanges> changes)
{
    /// <summary>More changes than this, and more than the square root of twice what there is, are written as all of it: so both kinds of writes cost about the same.</summary>
    public const int MinChanges = 64;

    // Orleans lets nobody ask a state for what it holds when the grain has left, and an answer may come later.
    private DeadlineShelf _shelf = new();
    private DeadlineChanges _changes = new();

    /// <summary>Partitions that changed since all was written.</summary>
    private HashSet<string> _changed = new(StringComparer.Ordinal);

    /// <summary>Both states are as this activation wrote them: one before it that did not notice can write neither any more. Else it has written neither, or does not know what is stored.</summary>
    private bool _isOurs;

    /// <summary>There are changes that no write has taken up.</summary>
    public bool IsDirty { get; private set; }

    /// <summary>By the partition grain's key; milliseconds since 1970.</summary>
    public IReadOnlyDictionary<string, long> DueMs => _shelf.DueMs;

    public IReadOnlyDictionary<string, Guid> Open => _shelf.Open;

    /// <summary>Takes up what is stored.</summary>
    public void Read()
    {
        (_shelf, _changes) = (all.State, changes.State);
        _changes.Apply(_shelf);
    }

    public void SetDue(string partition, long? dueMs) => Set(_shelf.DueMs, partition, dueMs);

    public void SetOpen(string partition, Guid? activation) => Set(_shelf.Open, partition, activation);

    private void Set<T>(Dictionary<string, T> of, string partition, T? value)
        where T : struct
    {
        if (DeadlineChange.Of(of, partition).Equals(value))
            return;
        DeadlineChange.Set(of, partition, value);
        _changed.Add(partition);
        IsDirty = true;
    }

    /// <summary>Stores what is known now. One at a time; what one that failed did not store is in the next.</summary>
    public async Task Write()
    {
        IsDirty = false;
        var known = Math.Max(_shelf.DueMs.Count, _shelf.Open.Count);
        if (_isOurs && _changed.Count <= Math.Max(MinChanges, Math.Sqrt(2.0 * known)))
        {
            _changes.Take(_changed, _shelf);
            await changes.WriteStateAsync();
            return;
        }

        // The changes first, as they were read: nothing that the activation before stores from now on is taken for stored.
        if (!_isOurs)
            await changes.WriteStateAsync();
        // What was stored as changed is of no account from now on, for it is of a version before; no version comes again, whoever wrote the shelf last.
        _shelf.Version = Math.Max(_shelf.Version, _changes.Of) + 1;
        _changed = new(StringComparer.Ordinal);
        _isOurs = false;
        await all.WriteStateAsync();
        _isOurs = true;
    }
}

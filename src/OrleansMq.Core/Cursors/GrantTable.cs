namespace OrleansMq.Core.Cursors;

/// <summary>Messages leased by one decision, all until the same time. Some may have been settled or extended out of it since.</summary>
internal struct Grant
{
    public long From;
    public long UntilMs;
    public int Count;

    /// <summary>Messages still leased under it; 0 marks a free row.</summary>
    public int Live;

    public int Delivery;
    public int Epoch;
    public string Consumer;

    /// <summary>Changes whenever the row means something else: an old deadline is known by it.</summary>
    public int Version;

    public readonly long End => From + Count;
}

/// <summary>The grants of a cursor and when they end. Deadlines are kept for each grant, not for each message.</summary>
internal sealed class GrantTable
{
    private Grant[] rows = new Grant[4];
    private readonly Stack<int> free = new();
    private readonly Deadlines ends = new();
    private readonly Func<long, long, bool> holds;

    /// <summary>Rows ever used; all above are fresh.</summary>
    private int height;

    public GrantTable() => holds = (_, key) => IsCurrent(key);

    public ref Grant this[int row] => ref rows[row];

    /// <summary>Rows to look at in a scan; those with no live message are free.</summary>
    public ReadOnlySpan<Grant> Rows => rows.AsSpan(0, height);

    /// <summary>Adds a grant that has no live message yet; the caller adds some, or gives it back with <see cref="Release"/>.</summary>
    public int Add(long from, int count, int delivery, long untilMs, int epoch, string consumer)
    {
        if (!free.TryPop(out var row))
        {
            row = height++;
            if (row == rows.Length)
                Array.Resize(ref rows, rows.Length * 2);
        }
        rows[row] = new Grant { From = from, Count = count, Delivery = delivery, UntilMs = untilMs, Epoch = epoch, Consumer = consumer, Version = rows[row].Version };
        ends.Push(untilMs, Key(row));
        return row;
    }

    /// <summary>Moves the end of a grant.</summary>
    public void Retime(int row, long untilMs)
    {
        rows[row].Version++;
        rows[row].UntilMs = untilMs;
        ends.Push(untilMs, Key(row));
        Sweep();
    }

    /// <summary>One message less; without any the row is free.</summary>
    public void Leave(int row)
    {
        if (--rows[row].Live == 0)
            Release(row);
    }

    public void Release(int row)
    {
        rows[row] = new Grant { Version = rows[row].Version + 1, Consumer = "" };
        free.Push(row);
        Sweep();
    }

    /// <summary>The grant that ends first; what ended without it is forgotten on the way.</summary>
    public bool TryEarliest(out int row, out long untilMs)
    {
        while (ends.TryPeek(out untilMs, out var key))
        {
            row = (int)(uint)key;
            if (IsCurrent(key))
                return true;
            ends.Pop();
        }
        row = -1;
        return false;
    }

    public void Clear()
    {
        // Versions go on, for deadlines are told apart by them.
        for (var row = 0; row < height; row++)
            rows[row] = new Grant { Version = rows[row].Version + 1, Consumer = "" };
        free.Clear();
        for (var row = height - 1; row >= 0; row--)
            free.Push(row);
        ends.Clear();
    }

    private long Key(int row) => (long)rows[row].Version << 32 | (uint)row;

    private bool IsCurrent(long key) => rows[(int)(uint)key].Version == (int)(key >> 32);

    /// <summary>Deadlines of grants that were settled long before would pile up for a lease's length: at most as many as of those that live.</summary>
    private void Sweep()
    {
        if (ends.Count > 64 && ends.Count > 2 * (height - free.Count))
            ends.Keep(holds);
    }
}

namespace OrleansMq.Streaming;

/// <summary>What waits for one subscription, in order.</summary>
internal sealed class EventQueue
{
    // Those before _first are gone; their places are given back in bulk.
    private readonly List<StreamEvent> _events = [];
    private int _first;

    public int Count => _events.Count - _first;

    public long Bytes { get; private set; }

    public StreamEvent this[int index] => _events[_first + index];

    public void Add(StreamEvent each)
    {
        _events.Add(each);
        Bytes += each.Size;
    }

    public StreamEvent[] First(int count) => [.. _events.GetRange(_first, count)];

    /// <returns>Bytes given back.</returns>
    public long RemoveFirst(int count)
    {
        var before = Bytes;
        for (var i = 0; i < count; i++)
        {
            Bytes -= _events[_first].Size;
            _events[_first++] = null!;
        }

        if (_first == _events.Count)
            (_, _first) = (ClearAll(), 0);
        else if (_first > 64 && _first > _events.Count / 2)
            (_, _first) = (RemoveGone(), 0);
        return before - Bytes;
    }

    /// <summary>Drops everything from an index on.</summary>
    /// <returns>Bytes given back.</returns>
    public long RemoveFrom(int index)
    {
        var before = Bytes;
        for (var i = _first + index; i < _events.Count; i++)
            Bytes -= _events[i].Size;
        _events.RemoveRange(_first + index, Count - index);
        return before - Bytes;
    }

    private bool ClearAll()
    {
        _events.Clear();
        return true;
    }

    private bool RemoveGone()
    {
        _events.RemoveRange(0, _first);
        return true;
    }
}

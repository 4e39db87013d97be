namespace OrleansMq.Core.Log;

/// <summary>
/// The messages of a small lane (dead letters, redriven ones): offset in the lane to the position of its frame. Offsets are handed out densely and
/// leave gaps as messages go.
/// </summary>
public sealed class LaneIndex
{
    private static readonly Comparer<Item> ByOffset = Comparer<Item>.Create((a, b) => a.Offset.CompareTo(b.Offset));

    /// <summary>Positions grow with the offsets: a lane is appended in order.</summary>
    private readonly SortedSet<Item> _items = new(ByOffset);

    /// <summary>The offset the next message gets.</summary>
    public long End { get; private set; }

    /// <summary>The first offset still there; <see cref="End"/> when the lane is empty.</summary>
    public long Start => _items.Count == 0 ? End : _items.Min.Offset;

    public int Count => _items.Count;

    /// <summary>The least position that the log must keep for this lane; <see cref="long.MaxValue"/> when it is empty.</summary>
    public long LeastPosition => _items.Count == 0 ? long.MaxValue : _items.Min.Position;

    public IEnumerable<Item> Items => _items;

    public bool Contains(long offset) => _items.Contains(new Item(offset, 0));

    public bool TryFind(long offset, out long position)
    {
        var found = _items.TryGetValue(new Item(offset, 0), out var item);
        position = found ? item.Position : -1;
        return found;
    }

    /// <summary>The first message at or behind <paramref name="offset"/>.</summary>
    public bool TryFindFrom(long offset, out Item item)
    {
        item = default;
        if (_items.Count == 0 || _items.Max.Offset < offset)
            return false;
        item = _items.GetViewBetween(new Item(offset, 0), _items.Max).Min;
        return true;
    }

    public void Add(long offset, int count, long position)
    {
        for (var i = 0; i < count; i++)
            _items.Add(new Item(offset + i, position));
        End = Math.Max(End, offset + count);
    }

    /// <summary>Offsets up to there were given to messages that are not here.</summary>
    public void PassOver(long end) => End = Math.Max(End, end);

    public void Remove(long offset) => _items.Remove(new Item(offset, 0));

    internal void Restore(long end) => End = end;

    public readonly record struct Item(long Offset, long Position);
}

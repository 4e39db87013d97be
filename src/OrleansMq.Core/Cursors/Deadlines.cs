namespace OrleansMq.Core.Cursors;

/// <summary>What happens when, earliest first: a binary heap. Who pushes keeps the truth elsewhere and skips entries that are no longer so.</summary>
internal sealed class Deadlines
{
    private (long AtMs, long Key)[] heap = new (long, long)[4];

    public int Count { get; private set; }

    public void Push(long atMs, long key)
    {
        if (Count == heap.Length)
            Array.Resize(ref heap, heap.Length * 2);
        heap[Count] = (atMs, key);
        Rise(Count++);
    }

    public bool TryPeek(out long atMs, out long key)
    {
        (atMs, key) = Count > 0 ? heap[0] : default;
        return Count > 0;
    }

    public void Pop()
    {
        heap[0] = heap[--Count];
        Sink(0);
    }

    public void Clear() => Count = 0;

    /// <summary>Forgets the entries that no longer hold.</summary>
    public void Keep(Func<long, long, bool> holds)
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
            if (holds(heap[i].AtMs, heap[i].Key))
                heap[kept++] = heap[i];
        Count = kept;
        for (var i = kept / 2 - 1; i >= 0; i--)
            Sink(i);
    }

    private void Rise(int at)
    {
        var entry = heap[at];
        for (; at > 0 && entry.CompareTo(heap[(at - 1) / 2]) < 0; at = (at - 1) / 2)
            heap[at] = heap[(at - 1) / 2];
        heap[at] = entry;
    }

    private void Sink(int at)
    {
        var entry = heap[at];
        while (at * 2 + 1 < Count)
        {
            var child = at * 2 + 1;
            if (child + 1 < Count && heap[child + 1].CompareTo(heap[child]) < 0)
                child++;
            if (entry.CompareTo(heap[child]) <= 0)
                break;
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = entry;
    }
}

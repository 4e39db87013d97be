using System.Numerics;

namespace OrleansMq.Core.Cursors;

/// <summary>A message that was granted and isn't settled: under a lease, or returned.</summary>
internal struct LiveMessage
{
    public long Offset;

    /// <summary>Returned: when it may be delivered again. Under a lease: unused.</summary>
    public long NotBeforeMs;

    /// <summary>The grant it is leased under, or <see cref="Returned"/>.</summary>
    public int Grant;

    /// <summary>Deliveries so far, from 1; 0 marks a free slot.</summary>
    public int Attempts;

    public const int Returned = -1;

    public readonly bool IsLeased => Grant != Returned;
}

/// <summary>
/// Messages by offset: open addressing with linear probing, at most two thirds full. Memory follows the live messages and not the
/// distance between them (one message waiting for hours among millions settled), and nothing is allocated while it keeps its size.
/// </summary>
internal sealed class LiveTable
{
    /// <summary>Enough for a queue that is used now and then; there may be thousands of them.</summary>
    private const int SmallestCapacity = 8;

    private LiveMessage[] slots = new LiveMessage[SmallestCapacity];
    private int shift = 64 - BitOperations.Log2(SmallestCapacity);

    public int Count { get; private set; }

    public int Capacity => slots.Length;

    public ref LiveMessage this[int slot] => ref slots[slot];

    /// <summary>The slot of the offset, valid until the next <see cref="GetOrAdd"/> or <see cref="RemoveAt"/>; -1 when it isn't there.</summary>
    public int Find(long offset)
    {
        for (var slot = Home(offset); slots[slot].Attempts != 0; slot = (slot + 1) & (slots.Length - 1))
            if (slots[slot].Offset == offset)
                return slot;
        return -1;
    }

    /// <summary>A new message has 0 attempts: the caller sets them at once.</summary>
    public int GetOrAdd(long offset)
    {
        if (Count >= slots.Length / 3 * 2)
            Resize(slots.Length * 2);
        var slot = Home(offset);
        for (; slots[slot].Attempts != 0; slot = (slot + 1) & (slots.Length - 1))
            if (slots[slot].Offset == offset)
                return slot;
        slots[slot] = new LiveMessage { Offset = offset, Grant = LiveMessage.Returned };
        Count++;
        return slot;
    }

    /// <summary>Removes without a tombstone: those that probed past the slot move up.</summary>
    public void RemoveAt(int slot)
    {
        var mask = slots.Length - 1;
        for (var next = (slot + 1) & mask; slots[next].Attempts != 0; next = (next + 1) & mask)
        {
            if (((next - Home(slots[next].Offset)) & mask) < ((next - slot) & mask))
                continue;
            slots[slot] = slots[next];
            slot = next;
        }
        slots[slot] = default;
        Count--;
    }

    public void Clear()
    {
        Array.Clear(slots);
        Count = 0;
    }

    /// <summary>Gives memory back after a flood.</summary>
    public void Trim()
    {
        if (slots.Length > 1024 && Count < slots.Length / 16)
            Resize(Math.Max(SmallestCapacity, (int)BitOperations.RoundUpToPowerOf2((uint)Count * 4)));
    }

    private int Home(long offset) => (int)((ulong)offset * 0x9E37_79B9_7F4A_7C15 >> shift);

    private void Resize(int capacity)
    {
        var old = slots;
        slots = new LiveMessage[capacity];
        shift = 64 - BitOperations.Log2((uint)capacity);
        foreach (ref readonly var message in old.AsSpan())
        {
            if (message.Attempts == 0)
                continue;
            var slot = Home(message.Offset);
            while (slots[slot].Attempts != 0)
                slot = (slot + 1) & (capacity - 1);
            slots[slot] = message;
        }
    }
}

using System.Buffers.Binary;
using System.Security.Cryptography;

namespace OrleansMq.Core.Compaction;

/// <summary>For each key that was told the last offset it stands at, until it is full.</summary>
/// <remarks>
/// A key is the first 128 bits of its SHA-256, so that no client can make two keys meet and lose one's message. Open addressing, at most three quarters full:
/// 32 to 64 bytes a key.
/// </remarks>
public sealed class LastOffsets
{
    public const int SlotBytes = 24;
    private const int FirstSlots = 1024;

    private readonly long _maxBytes;
    private Slot[] _slots = new Slot[FirstSlots];

    /// <param name="maxBytes">What the table is full with. It is asked between batches: the keys of one batch may come on top, and while it grows half as much again.</param>
    public LastOffsets(long maxBytes) => _maxBytes = maxBytes;

    public int Count { get; private set; }

    /// <summary>One more key would make it larger than it is to be.</summary>
    public bool IsFull => IsTight && _slots.Length * 2L * SlotBytes > _maxBytes;

    private bool IsTight => (Count + 1) * 4L > _slots.Length * 3L;

    /// <summary>Takes note of a key at an offset; offsets rise.</summary>
    public void Put(ReadOnlySpan<byte> key, long offset)
    {
        var slot = Of(key);
        ref var place = ref Find(slot);
        if (place.Last == 0)
        {
            if (IsTight)
            {
                Grow();
                place = ref Find(slot);
            }

            (place.First, place.Second) = (slot.First, slot.Second);
            Count++;
        }

        place.Last = offset + 1;
    }

    /// <summary>Whether the key stands behind this offset.</summary>
    public bool IsBehind(ReadOnlySpan<byte> key, long offset) => Find(Of(key)).Last > offset + 1;

    private ref Slot Find(in Slot wanted)
    {
        var mask = _slots.Length - 1;
        for (var i = (int)wanted.Second & mask; ; i = (i + 1) & mask)
        {
            ref var slot = ref _slots[i];
            if (slot.Last == 0 || (slot.First == wanted.First && slot.Second == wanted.Second))
                return ref slot;
        }
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new Slot[old.Length * 2];
        foreach (ref readonly var slot in old.AsSpan())
            if (slot.Last != 0)
                Find(slot) = slot;
    }

    private static Slot Of(ReadOnlySpan<byte> key)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(key, digest);
        return new Slot { First = BinaryPrimitives.ReadUInt64BigEndian(digest), Second = BinaryPrimitives.ReadUInt64BigEndian(digest[8..]) };
    }

    private struct Slot
    {
        public ulong First;
        public ulong Second;

        /// <summary>The offset plus 1; 0: no key is here.</summary>
        public long Last;
    }
}

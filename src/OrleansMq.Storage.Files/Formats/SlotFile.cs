using System.Buffers.Binary;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Formats;

/// <summary>
/// A few numbers that change in place: two slots are written by turns, so that a torn write leaves the other. It needs one flush and,
/// unlike replacing a file, no space: a full disk must not keep a log from being opened or trimmed.
/// <code>
/// slot A at 0, slot B at 4096 (a sector is at most 4 KiB), what never changes from 8192 on
///  0 magic "OMT1"   u32
///  4 CRC32C         u32   of bytes 8..63
///  8 sequence       u64   grows by one with each write; odd in slot B, even in slot A
/// 16 content        40 B
/// 56 owner          u64   whose file it is, so that a slot of another file does not read back; 0 in files of earlier builds
/// </code>
/// </summary>
internal static class SlotFile
{
    public const int ContentSize = 40;
    public const int FixedPartOffset = 2 * SlotDistance;

    /// <summary>Of a new file.</summary>
    public const ulong FirstSequence = 1;

    private const uint Magic = 0x31544D4F;
    private const int SlotSize = 64;
    private const int SlotDistance = 4096;
    private const int OwnerAt = 16 + ContentSize;

    /// <param name="Content">The newest content that reads back.</param>
    /// <param name="Sequence">Its sequence.</param>
    /// <param name="OtherUnreadable">The other slot was written once and does not read back: a write that was cut off, or damage, and then it may have been the newer one.</param>
    internal readonly record struct Slot(ReadOnlyMemory<byte> Content, ulong Sequence, bool OtherUnreadable);

    /// <summary>The bytes of a new file's slots: content in slot B with <see cref="FirstSequence"/>.</summary>
    public static byte[] New(ReadOnlySpan<byte> content, ulong owner)
    {
        var bytes = new byte[FixedPartOffset];
        Encode(content, FirstSequence, owner).CopyTo(bytes.AsSpan(SlotDistance));
        return bytes;
    }

    /// <exception cref="LogDamagedException">Neither slot reads back.</exception>
    public static Slot Read(ReadOnlyMemory<byte> file, string path, ulong owner)
    {
        var a = TryDecode(file, 0, owner);
        var b = TryDecode(file, SlotDistance, owner);
        return (a, b) switch
        {
            (null, null) => throw new LogDamagedException($"{path}: neither of its two slots reads back. Restore the file from a copy."),
            // Slot A of a new file is zeros; anything else was written once, and may have been the newer.
            (null, { } one) => one with { OtherUnreadable = one.Sequence > 1 || file.Span[..SlotSize].ContainsAnyExcept((byte)0) },
            ({ } one, null) => one with { OtherUnreadable = true },
            ({ } x, { } y) => x.Sequence > y.Sequence ? x : y,
        };
    }

    /// <summary>What is left of the slot that does not read back, where it can still be told that it was one: a hint, which no CRC guards.</summary>
    /// <param name="sequence">Of the slot that reads back.</param>
    public static (ulong Sequence, ReadOnlyMemory<byte> Content)? LeftOfOther(ReadOnlyMemory<byte> file, ulong sequence, ulong owner)
    {
        var at = PlaceOf(sequence + 1);
        if (file.Length < at + SlotSize)
            return null;
        var slot = file.Span.Slice(at, SlotSize);
        var other = BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(slot) == Magic && BinaryPrimitives.ReadUInt64LittleEndian(slot[OwnerAt..]) == owner && (other == sequence + 1 || other + 1 == sequence)
            ? (other, file.Slice(at + 16, ContentSize))
            : null;
    }

    /// <summary>Writes the content durably; after an error the old or the new is there.</summary>
    public static void Write(IDisk disk, string path, ReadOnlySpan<byte> content, ulong sequence, ulong owner)
    {
        using var file = disk.Open(path, DiskOpenMode.ReadWrite);
        file.OverwriteInUse(Encode(content, sequence, owner), PlaceOf(sequence));
        file.FlushInUse();
    }

    /// <summary>
    /// Writes the newest slot again where it stands, durably. What is read may be in the page cache alone, left by a process that was
    /// killed or by a flush that failed; the next write goes over the other slot, and must not find this one only thought to be there.
    /// </summary>
    public static void Settle(IDisk disk, string path, ulong owner)
    {
        using var file = disk.Open(path, DiskOpenMode.ReadWrite);
        var slots = new byte[FixedPartOffset];
        var newest = Read(slots.AsMemory(0, file.ReadUpTo(slots, 0)), path, owner);
        var at = PlaceOf(newest.Sequence);
        file.OverwriteInUse(slots.AsSpan(at, SlotSize), at);
        file.FlushInUse();
    }

    /// <summary>Whether what stands between and behind the slots is the zeros it was made with: bytes that nothing else guards.</summary>
    public static bool GapsAreEmpty(ReadOnlySpan<byte> file) =>
        file.Length >= FixedPartOffset && !file[SlotSize..SlotDistance].ContainsAnyExcept((byte)0) && !file[(SlotDistance + SlotSize)..FixedPartOffset].ContainsAnyExcept((byte)0)
        && (!file[..SlotSize].ContainsAnyExcept((byte)0) || BinaryPrimitives.ReadUInt32LittleEndian(file) == Magic);

    /// <summary>Writes those zeros again.</summary>
    public static void ClearGaps(IDisk disk, string path)
    {
        using var file = disk.Open(path, DiskOpenMode.ReadWrite);
        var zeros = new byte[SlotDistance - SlotSize];
        file.OverwriteInUse(zeros, SlotSize);
        file.OverwriteInUse(zeros, SlotDistance + SlotSize);
        file.FlushInUse();
    }

    private static int PlaceOf(ulong sequence) => sequence % 2 == 0 ? 0 : SlotDistance;

    private static byte[] Encode(ReadOnlySpan<byte> content, ulong sequence, ulong owner)
    {
        var slot = new byte[SlotSize];
        BinaryPrimitives.WriteUInt32LittleEndian(slot, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(slot.AsSpan(8), sequence);
        content.CopyTo(slot.AsSpan(16, ContentSize));
        BinaryPrimitives.WriteUInt64LittleEndian(slot.AsSpan(OwnerAt), owner);
        BinaryPrimitives.WriteUInt32LittleEndian(slot.AsSpan(4), Crc32C.Compute(slot.AsSpan(8)));
        return slot;
    }

    private static Slot? TryDecode(ReadOnlyMemory<byte> file, int at, ulong owner)
    {
        if (file.Length < at + SlotSize)
            return null;
        var slot = file.Span.Slice(at, SlotSize);
        if (BinaryPrimitives.ReadUInt32LittleEndian(slot) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(slot[4..]) != Crc32C.Compute(slot[8..])
            || (BinaryPrimitives.ReadUInt64LittleEndian(slot[OwnerAt..]) is not 0 and var written && written != owner))
            return null;
        var sequence = BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]);
        return PlaceOf(sequence) == at ? new Slot(file.Slice(at + 16, ContentSize), sequence, false) : null;
    }
}

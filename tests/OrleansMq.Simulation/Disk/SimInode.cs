namespace OrleansMq.Simulation.Disk;

/// <summary>
/// A file's bytes twice: as the page cache shows them, and as the platter has them; between the two, the writes that no flush has
/// covered yet, in order.
/// </summary>
internal sealed class SimInode
{
    private const int Sector = 512;

    private readonly List<Change> _unflushed = [];

    /// <param name="Offset">Where the bytes go; for a change of length, the length.</param>
    /// <param name="Bytes">Null for a change of length.</param>
    private readonly record struct Change(long Offset, byte[]? Bytes);

    public SimInode()
    {
    }

    /// <summary>A file that is there already; its bytes are never written into but replaced.</summary>
    public SimInode(byte[] content) => Cached = Durable = content;

    public byte[] Cached { get; private set; } = [];

    public byte[] Durable { get; private set; } = [];

    /// <summary>End of the reserved space; it counts against the disk's capacity.</summary>
    public long ReservedTo { get; private set; }

    public long Allocated => Math.Max(ReservedTo, Cached.Length);

    public void Reserve(long end) => ReservedTo = Math.Max(ReservedTo, end);

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        var change = new Change(offset, bytes.ToArray());
        _unflushed.Add(change);
        Cached = Apply(Cached, change);
    }

    public void SetLength(long length)
    {
        var change = new Change(length, null);
        _unflushed.Add(change);
        Cached = Apply(Cached, change);
        ReservedTo = Math.Min(ReservedTo, length);
    }

    public void Flush()
    {
        Durable = _unflushed.Aggregate(Durable, Apply);
        _unflushed.Clear();
    }

    /// <summary>As the system does after a failed flush: the pages are marked clean, and what they hold never reaches the platter.</summary>
    public void LoseUnflushed(Random random)
    {
        Durable = Survivors(random);
        _unflushed.Clear();
    }

    /// <summary>The power is gone: of what was not flushed any part may be there, torn anywhere.</summary>
    public void Crash(Random random)
    {
        Cached = Durable = Survivors(random);
        _unflushed.Clear();
        ReservedTo = 0;
    }

    public void Flip(long offset, int bit)
    {
        Durable = (byte[])Durable.Clone();
        Cached = (byte[])Cached.Clone();
        if (offset < Durable.Length)
            Durable[offset] ^= (byte)(1 << bit);
        Cached[offset] ^= (byte)(1 << bit);
    }

    private byte[] Survivors(Random random)
    {
        var keep = random.NextDouble() switch
        {
            < 0.2 => 0.0,
            < 0.4 => 1.0,
            var share => share,
        };
        return _unflushed.Aggregate(Durable, (bytes, change) => change.Bytes is null
            ? random.NextDouble() < keep ? Apply(bytes, change) : bytes
            : Torn(bytes, change, keep, random));
    }

    /// <summary>Some sectors of a write; one of them may end at any byte, with zeros or what was there before after it.</summary>
    private static byte[] Torn(byte[] bytes, Change change, double keep, Random random)
    {
        var written = change.Bytes!;
        var at = 0;
        while (at < written.Length)
        {
            var length = (int)Math.Min(Sector - (change.Offset + at) % Sector, written.Length - at);
            var kept = random.NextDouble() < keep ? length : random.NextDouble() < 0.5 ? random.Next(length) : 0;
            if (kept > 0)
                bytes = Apply(bytes, new Change(change.Offset + at, written[at..(at + kept)]));
            else if (random.NextDouble() < 0.2)
                bytes = Grown(bytes, change.Offset + at + length);
            at += length;
        }
        return bytes;
    }

    private static byte[] Apply(byte[] bytes, Change change)
    {
        if (change.Bytes is not { } written)
        {
            var resized = new byte[change.Offset];
            bytes.AsSpan(0, (int)Math.Min(bytes.Length, change.Offset)).CopyTo(resized);
            return resized;
        }
        var result = Grown((byte[])bytes.Clone(), change.Offset + written.Length);
        written.CopyTo(result.AsSpan((int)change.Offset));
        return result;
    }

    /// <summary>The length was stored, the bytes were not: zeros.</summary>
    private static byte[] Grown(byte[] bytes, long length)
    {
        if (bytes.Length < length)
            Array.Resize(ref bytes, (int)length);
        return bytes;
    }
}

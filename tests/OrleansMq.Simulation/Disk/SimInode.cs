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

    /// <summary>A file that is there already.</summary>
    public SimInode(byte[] content) => (Cached, Durable) = (SimBytes.CopyOf(content), SimBytes.CopyOf(content));

    public SimBytes Cached { get; private set; } = new();

    public SimBytes Durable { get; } = new();

    /// <summary>End of the reserved space; it counts against the disk's capacity.</summary>
    public long ReservedTo { get; private set; }

    public long Allocated => Math.Max(ReservedTo, Cached.Length);

    public void Reserve(long end) => ReservedTo = Math.Max(ReservedTo, end);

    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        var change = new Change(offset, bytes.ToArray());
        _unflushed.Add(change);
        Apply(Cached, change);
    }

    public void SetLength(long length)
    {
        var change = new Change(length, null);
        _unflushed.Add(change);
        Apply(Cached, change);
        ReservedTo = Math.Min(ReservedTo, length);
    }

    public void Flush()
    {
        foreach (var change in _unflushed)
            Apply(Durable, change);
        _unflushed.Clear();
    }

    /// <summary>As the system does after a failed flush: the pages are marked clean, and what they hold never reaches the platter.</summary>
    public void LoseUnflushed(Random random)
    {
        Survive(random);
        _unflushed.Clear();
    }

    /// <summary>The power is gone: of what was not flushed any part may be there, torn anywhere.</summary>
    public void Crash(Random random)
    {
        Survive(random);
        Cached = SimBytes.CopyOf(Durable.Span);
        _unflushed.Clear();
        ReservedTo = 0;
    }

    public void Flip(long offset, int bit)
    {
        if (offset < Durable.Length)
            Durable.Flip(offset, bit);
        Cached.Flip(offset, bit);
    }

    private void Survive(Random random)
    {
        var keep = random.NextDouble() switch
        {
            < 0.2 => 0.0,
            < 0.4 => 1.0,
            var share => share,
        };
        foreach (var change in _unflushed)
        {
            if (change.Bytes is not null)
                Tear(change, keep, random);
            else if (random.NextDouble() < keep)
                Apply(Durable, change);
        }
    }

    /// <summary>Some sectors of a write; one of them may end at any byte, with zeros or what was there before after it.</summary>
    private void Tear(Change change, double keep, Random random)
    {
        var written = change.Bytes!;
        var at = 0;
        while (at < written.Length)
        {
            var length = (int)Math.Min(Sector - (change.Offset + at) % Sector, written.Length - at);
            var kept = random.NextDouble() < keep ? length : random.NextDouble() < 0.5 ? random.Next(length) : 0;
            if (kept > 0)
                Durable.Write(written.AsSpan(at, kept), change.Offset + at);
            // The length was stored, the bytes were not: zeros.
            else if (random.NextDouble() < 0.2)
                Durable.GrowTo(change.Offset + at + length);
            at += length;
        }
    }

    private static void Apply(SimBytes bytes, Change change)
    {
        if (change.Bytes is { } written)
            bytes.Write(written, change.Offset);
        else
            bytes.SetLength(change.Offset);
    }
}

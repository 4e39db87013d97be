using System.Buffers;
using OrleansMq.Core.Compaction;
using OrleansMq.Core.Log;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Partitions;

/// <summary>What a partition knows of its compaction. The frames that go are not read any more by a replay: both snapshots stand behind them.</summary>
public sealed partial class Partition
{
    private const byte CompactionVersion = 1;

    /// <summary>
    /// With so many in the list a further compaction replaces the last. A tombstone waits the longer for it, never the shorter; and the first, for which most wait, stays.
    /// </summary>
    private const int MaxPasses = 16;

    /// <summary>Compactions whose tombstones are still kept: rising in offsets and in times.</summary>
    private readonly List<CompactionPass> _passes = [];

    /// <summary>Below it an offset may have no message though nobody removed it. Grows only.</summary>
    public long GapsEnd { get; private set; }

    /// <summary>Below it each key stands once, as far as the keys below it go. Never above <see cref="GapsEnd"/>.</summary>
    public long CompactedEnd { get; private set; }

    public IReadOnlyList<CompactionPass> CompactionPasses => _passes;

    /// <summary>The highest offset that compaction may reach: everything below is decided, and no declared group waits for it where the topic keeps what is not settled.</summary>
    public long CompactableEnd(bool keepUnsettled) => keepUnsettled ? Math.Min(StableEnd, DeclaredFloor) : StableEnd;

    /// <summary>The first offset whose tombstones are to stay: those below went through a compaction so long ago that whoever read before it has seen them.</summary>
    public long TombstonesFrom(long ageMs, long nowMs)
    {
        var from = 0L;
        foreach (var pass in _passes)
            if (pass.AtMs <= nowMs - ageMs)
                from = pass.Offset;
        return from;
    }

    /// <summary>To be durable before the first message goes.</summary>
    public void BeginCompaction(long offset, long nowMs, FrameBuffer frames) =>
        Change(new Entry { Kind = EntryKind.Compacting, Offset = offset }, nowMs, frames);

    /// <summary>After the last message went, for good.</summary>
    /// <param name="tombstonesFrom">As it was asked for before the first went.</param>
    public void EndCompaction(long offset, long tombstonesFrom, long nowMs, FrameBuffer frames) =>
        Change(new Entry { Kind = EntryKind.Compacted, Offset = offset, Time = At(nowMs), Term = tombstonesFrom }, nowMs, frames);

    private void ApplyCompacting(in Entry entry)
    {
        if (entry.Offset > End)
            throw new PartitionBrokenException($"A compaction up to {entry.Offset} was applied at {End}.");
        GapsEnd = Math.Max(GapsEnd, entry.Offset);
    }

    private void ApplyCompacted(in Entry entry)
    {
        if (entry.Offset > GapsEnd || entry.Offset < CompactedEnd)
            throw new PartitionBrokenException($"A compaction ended at {entry.Offset} that was begun up to {GapsEnd}, behind one to {CompactedEnd}.");
        CompactedEnd = entry.Offset;
        var gone = entry.Term;
        _passes.RemoveAll(pass => pass.Offset <= gone);
        if (_passes.Count == MaxPasses)
            _passes.RemoveAt(MaxPasses - 1);
        if (_passes.Count == 0 || _passes[^1].Offset < entry.Offset)
            _passes.Add(new CompactionPass(entry.Offset, entry.Time));
        // Their messages went; nobody is to be told of them.
        Transactions.ApplyStart(entry.Offset);
    }

    /// <summary><code>version u8 = 1 | gaps end i64 | compacted end i64 | passes: count u32, each: offset i64 | at i64</code></summary>
    private void SaveCompaction(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(CompactionVersion);
        writer.Int64(GapsEnd);
        writer.Int64(CompactedEnd);
        writer.Count(_passes.Count);
        foreach (var pass in _passes)
        {
            writer.Int64(pass.Offset);
            writer.Int64(pass.AtMs);
        }
    }

    private void LoadCompaction(ref StateReader reader)
    {
        reader.Version(CompactionVersion, "compaction");
        (GapsEnd, CompactedEnd) = (reader.Natural(), reader.Natural());
        StateReader.Check(GapsEnd <= End && CompactedEnd <= GapsEnd, "A partition was compacted beyond its end.");
        for (var left = reader.Count(16); left > 0; left--)
        {
            var pass = new CompactionPass(reader.Natural(), reader.Natural());
            StateReader.Check(pass.Offset <= CompactedEnd && _passes.Count < MaxPasses && (_passes.Count == 0 || (pass.Offset > _passes[^1].Offset && pass.AtMs >= _passes[^1].AtMs)), "The partition's compactions can't be.");
            _passes.Add(pass);
        }
    }
}

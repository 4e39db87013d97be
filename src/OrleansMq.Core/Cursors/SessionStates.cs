using System.Buffers;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Cursors;

/// <summary>
/// What a group by key keeps of keys beside its cursor on one partition: opaque bytes, set with an acknowledgement. A state stays until it is cleared, whether or not messages of its key are there.
/// </summary>
public sealed class SessionStates
{
    /// <summary>Of one group and partition, keys and <see cref="RowBytes"/> for each included: all of it is in memory and in each snapshot.</summary>
    public const int MaxTotalBytes = 32 << 20;

    /// <summary>What a state counts beside its key and itself.</summary>
    public const int RowBytes = 64;

    private const byte FormatVersion = 1;

    private readonly Dictionary<KeyBytes, Row> rows = [];

    /// <summary>The version that was given last. Never given again while the group lives: whoever read an older state must not take a newer one for it.</summary>
    private long last;

    /// <summary>Keys that have a state, or the word that they have none.</summary>
    public int Count => rows.Count;

    public long Bytes { get; private set; }

    /// <summary>Keys that left at a growth below are kept by other partitions.</summary>
    public long LeftBelow { get; private set; }

    /// <summary>Nothing was ever set, and no key left.</summary>
    public bool IsUnused => last == 0 && LeftBelow == 0;

    /// <summary>False: nothing is known of the key here.</summary>
    public bool TryFind(ReadOnlyMemory<byte> key, out long version, out ReadOnlyMemory<byte> state)
    {
        var found = rows.TryGetValue(new KeyBytes(key), out var row);
        (version, state) = (row.Version, row.State);
        return found;
    }

    /// <summary>Whether there is room for it. What makes room always fits.</summary>
    public bool Fits(SessionWrite write)
    {
        var before = rows.TryGetValue(new KeyBytes(write.Key), out var row) ? SizeOf(write.Key, row.State) : 0;
        var after = write.State is { } state ? SizeOf(write.Key, state) : 0;
        return after <= before || Bytes - before + after <= MaxTotalBytes;
    }

    public void Apply(SessionWrite write)
    {
        var key = new KeyBytes(write.Key);
        if (rows.Remove(key, out var before))
            Bytes -= SizeOf(write.Key, before.State);
        if (write.State is not { } state)
            return;
        rows[key] = new Row(++last, state);
        Bytes += SizeOf(write.Key, state);
    }

    public void ApplyLeft(long offset) => LeftBelow = Math.Max(LeftBelow, offset + 1);

    /// <summary>What stands from here on is the group's again: its keys have not left.</summary>
    public void ApplySought(long offset) => LeftBelow = Math.Min(LeftBelow, offset + 1);

    /// <summary><code>version u8 = 1 | last version i64 | left below i64 | states, by version: count u32, each: version i64 | key length i32, key | state length i32, state</code></summary>
    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(FormatVersion);
        writer.Int64(last);
        writer.Int64(LeftBelow);
        writer.Count(rows.Count);
        foreach (var (key, row) in rows.OrderBy(row => row.Value.Version))
        {
            writer.Int64(row.Version);
            writer.Bytes(key.Bytes.Span);
            writer.Bytes(row.State.Span);
        }
    }

    /// <exception cref="StateFormatException">The bytes are not such a state.</exception>
    public void Load(ref StateReader reader)
    {
        reader.Version(FormatVersion, "states of keys");
        last = reader.Natural();
        LeftBelow = reader.Natural();
        var before = 0L;
        for (var left = reader.Count(16); left > 0; left--)
        {
            var (version, key, state) = (reader.Natural(), reader.Bytes(), reader.Bytes());
            StateReader.Check(version > before && version <= last && rows.TryAdd(new KeyBytes(key), new Row(version, state)), "The states of keys are out of order.");
            before = version;
            Bytes += SizeOf(key, state);
        }
    }

    private static long SizeOf(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> state) => (long)key.Length + state.Length + RowBytes;

    private readonly record struct Row(long Version, ReadOnlyMemory<byte> State);

    private readonly struct KeyBytes(ReadOnlyMemory<byte> bytes) : IEquatable<KeyBytes>
    {
        public ReadOnlyMemory<byte> Bytes { get; } = bytes;

        public bool Equals(KeyBytes other) => Bytes.Span.SequenceEqual(other.Bytes.Span);

        public override bool Equals(object? obj) => obj is KeyBytes other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.AddBytes(Bytes.Span);
            return hash.ToHashCode();
        }
    }
}

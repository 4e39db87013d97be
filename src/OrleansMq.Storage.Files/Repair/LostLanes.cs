using System.Globalization;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// What a partition remembers of frames that are gone, although it needs none of them for its state: dead letters, redriven, delayed and half messages whose bytes were there, and
/// offsets without a message.
/// </summary>
internal sealed class LostLanes
{
    private readonly List<Entry> _entries = [];
    private readonly SortedDictionary<string, List<long>> _named = new(StringComparer.Ordinal);

    /// <param name="holes">In front of the newest snapshot.</param>
    public LostLanes(Partition state, IReadOnlyCollection<Hole> holes)
    {
        var next = holes.Max(hole => hole.NextOffset) ?? 0;
        // Never further than the end: what the hole held was appended before.
        if (Math.Min(next, state.End) is var upTo && upTo > state.GapsEnd && holes.Any(hole => hole.NextOffset > hole.FirstOffset))
            _entries.Add(new Entry { Kind = EntryKind.Compacting, Offset = upTo });
        foreach (var group in state.Groups)
        {
            Take(group.DeadLetters, holes, $"dead letters of group '{group.Name}'", item => new Entry { Kind = EntryKind.Discarded, Group = group.Number, Offset = item, Count = 1 });
            Take(group.RedrivenLane, holes, $"redriven messages of group '{group.Name}'", item => new Entry { Kind = EntryKind.Settled, Group = group.Number, Lane = Lane.RedrivenOf(group.Number), Offset = item, Count = 1 });
        }

        foreach (var half in state.Half.Items.Where(half => IsIn(holes, half.Position)))
            Add("half messages", half.Offset, new Entry { Kind = EntryKind.HalfRolledBack, Offset = half.Offset, Time = state.ClockMs });
        for (var offset = state.Scheduled.NextPending(0); offset >= 0; offset = state.Scheduled.NextPending(offset + 1))
            if (state.Scheduled.TryFind(offset, out var frame) && IsIn(holes, frame.Position))
                Add("delayed messages", offset, new Entry { Kind = EntryKind.Cancelled, Lane = Lane.Scheduled, Offset = offset, Count = 1 });
    }

    public bool IsEmpty => _entries.Count == 0;

    /// <summary>What of lanes is lost, for people; empty where nothing is.</summary>
    public IEnumerable<string> Named => _named.Select(lane => string.Create(CultureInfo.InvariantCulture, $"{lane.Value.Count} {lane.Key} ({Offsets(lane.Value)})"));

    /// <summary>Frames that say so, to stand at the log's end; the state has them applied.</summary>
    public ReadOnlyMemory<byte> Write(Partition state, int epoch)
    {
        var at = state.Position;
        var frames = new FrameBuffer(state.Log, epoch) { DurablePosition = at };
        frames.Reset(at);
        foreach (var entry in _entries)
            frames.AddEntry(entry, state.End, state.ClockMs);
        var bytes = frames.Seal();
        for (var rest = bytes; FrameHeader.TryRead(rest.Span, out var header); rest = rest[header.TotalLength..])
            Rehearsal.ApplyFrame(state, rest);
        return bytes;
    }

    private void Take(LaneIndex lane, IReadOnlyCollection<Hole> holes, string name, Func<long, Entry> entry)
    {
        foreach (var item in lane.Items)
            if (IsIn(holes, item.Position))
                Add(name, item.Offset, entry(item.Offset));
    }

    private void Add(string name, long offset, in Entry entry)
    {
        _entries.Add(entry);
        if (!_named.TryGetValue(name, out var offsets))
            _named[name] = offsets = [];
        offsets.Add(offset);
    }

    private static bool IsIn(IEnumerable<Hole> holes, long position) => holes.Any(hole => hole.IsIn(position));

    private static string Offsets(List<long> offsets) =>
        string.Join(", ", offsets.Take(20).Select(offset => offset.ToString(CultureInfo.InvariantCulture))) + (offsets.Count > 20 ? ", …" : "");
}

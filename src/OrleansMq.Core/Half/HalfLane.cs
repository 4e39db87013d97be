using System.Buffers;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Half;

/// <summary>A half message that is not decided.</summary>
public sealed class Undecided(long offset, long position, long bornMs, HalfSchedule schedule)
{
    public long Offset => offset;

    /// <summary>Of its frame in the log.</summary>
    public long Position => position;
    public long BornMs => bornMs;
    public HalfSchedule Schedule => schedule;

    /// <summary>Nobody is asked any more; only by hand is it decided now.</summary>
    public bool IsTimedOut { get; internal set; }

    /// <summary>The last check that was handed out. Not saved: after a restart one is handed out again.</summary>
    internal int HandedOut { get; set; }
}

/// <summary>
/// The lane of half messages: what is undecided, and for a while how the others were decided, so that a decision that comes twice, or too late, has its answer.
/// States only move forward.
/// </summary>
public sealed class HalfLane
{
    /// <summary>More are refused: each is a line in memory.</summary>
    public const int MaxUndecided = 100_000;

    /// <summary>Decisions remembered: so many, and for so long.</summary>
    public const int MaxDecided = 100_000;

    public const long DecidedAgeMs = 7L * 24 * 3_600_000;

    public const int MaxChecks = 1_000;

    /// <summary>A day.</summary>
    public const long MaxTermMs = 24L * 3_600_000;

    private const byte FormatVersion = 1;

    private readonly SortedDictionary<long, Undecided> _undecided = [];
    private readonly Dictionary<long, long> _decided = [];
    private readonly Queue<(long Offset, long AtMs)> _decidedInOrder = new();
    private readonly PriorityQueue<long, long> _timeOuts = new();

    /// <summary>The offset the next half message gets.</summary>
    public long End { get; private set; }

    /// <summary>With those that timed out.</summary>
    public int Count => _undecided.Count;

    public bool IsUnused => End == 0;

    public IEnumerable<Undecided> Items => _undecided.Values;

    public long LeastPosition => _undecided.Count == 0 ? long.MaxValue : _undecided.First().Value.Position;

    public Undecided? Find(long offset) => _undecided.GetValueOrDefault(offset);

    /// <summary>How a message was decided, if that is remembered: its offset in the main lane, or -1 where it was rolled back.</summary>
    public bool TryFindDecided(long offset, out long mainOffset) => _decided.TryGetValue(offset, out mainOffset);

    /// <summary>Since when producers can be asked here. Before, nobody was: so nothing times out within its interval from then on. Follows from the opening and is not saved.</summary>
    public long OpenedAtMs { get; set; }

    /// <summary>When a message times out.</summary>
    public long TimeOutMs(Undecided item) => Math.Max(item.Schedule.TimeOutMs(item.BornMs), OpenedAtMs + item.Schedule.EveryMs);

    /// <summary>When the next message times out; null without any.</summary>
    public long? NextTimeOutMs
    {
        get
        {
            while (_timeOuts.TryPeek(out var offset, out var atMs))
            {
                var isOpen = _undecided.TryGetValue(offset, out var item) && !item.IsTimedOut;
                if (isOpen && TimeOutMs(item!) <= atMs)
                    return atMs;
                _timeOuts.Dequeue();
                if (isOpen)
                    _timeOuts.Enqueue(offset, TimeOutMs(item!));
            }

            return null;
        }
    }

    /// <summary>The messages that time out now.</summary>
    public void SelectTimedOut(long nowMs, int max, List<long> into)
    {
        foreach (var item in _undecided.Values)
        {
            if (into.Count == max)
                return;
            if (!item.IsTimedOut && TimeOutMs(item) <= nowMs)
                into.Add(item.Offset);
        }
    }

    /// <summary>Takes the checks that are due for a group and were not handed out yet.</summary>
    /// <param name="belowPosition">Frames from here on can't be read yet.</param>
    public void TakeChecks(string group, long nowMs, int max, long belowPosition, List<Undecided> into)
    {
        foreach (var item in _undecided.Values)
        {
            if (into.Count == max)
                return;
            var checks = item.Schedule.Checks(item.BornMs, nowMs);
            if (item.IsTimedOut || item.Schedule.Group != group || checks <= item.HandedOut || item.Position >= belowPosition)
                continue;
            item.HandedOut = checks;
            into.Add(item);
        }
    }

    public void ApplyAdded(long offset, long position, long bornMs, HalfSchedule schedule)
    {
        _undecided[offset] = new Undecided(offset, position, bornMs, schedule);
        _timeOuts.Enqueue(offset, schedule.TimeOutMs(bornMs));
        End = Math.Max(End, offset + 1);
    }

    /// <summary>So many may have been here and are lost: their offsets are not given again.</summary>
    public void ApplyLost(long count) => End += count;

    public void ApplyTimedOut(long offset)
    {
        if (_undecided.TryGetValue(offset, out var item))
            item.IsTimedOut = true;
    }

    /// <param name="mainOffset">-1: rolled back.</param>
    public void ApplyDecided(long offset, long mainOffset, long atMs)
    {
        _undecided.Remove(offset);
        // Behind a gap in the log there are decisions of messages that are gone: nobody else is to get their offsets.
        End = Math.Max(End, offset + 1);
        _decided[offset] = mainOffset;
        _decidedInOrder.Enqueue((offset, atMs));
        while (_decidedInOrder.TryPeek(out var oldest) && (_decided.Count > MaxDecided || oldest.AtMs <= atMs - DecidedAgeMs))
        {
            _decided.Remove(oldest.Offset);
            _decidedInOrder.Dequeue();
        }
    }

    /// <summary>
    /// <code>
    /// version u8 = 1 | end i64 | undecided, by offset: list of (offset i64 | position i64 | born i64 | after i64 | every i64 | max i32 | timed out u8 | group)
    /// | decided, oldest first: list of (offset i64 | at i64 | main offset i64, -1 rolled back)
    /// </code>
    /// </summary>
    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(FormatVersion);
        writer.Int64(End);
        writer.Count(_undecided.Count);
        foreach (var item in _undecided.Values)
        {
            writer.Int64(item.Offset);
            writer.Int64(item.Position);
            writer.Int64(item.BornMs);
            writer.Int64(item.Schedule.AfterMs);
            writer.Int64(item.Schedule.EveryMs);
            writer.Int32(item.Schedule.Max);
            writer.Byte(item.IsTimedOut ? (byte)1 : (byte)0);
            writer.Text(item.Schedule.Group);
        }

        writer.Count(_decidedInOrder.Count);
        foreach (var (offset, atMs) in _decidedInOrder)
        {
            writer.Int64(offset);
            writer.Int64(atMs);
            writer.Int64(_decided[offset]);
        }
    }

    /// <exception cref="StateFormatException">The bytes are no such lane.</exception>
    public static HalfLane Load(ref StateReader reader)
    {
        reader.Version(FormatVersion, "lane of half messages");
        var lane = new HalfLane();
        var end = reader.Natural();
        for (var left = reader.Count(47); left > 0; left--)
        {
            var (offset, position, born, after, every, max, timedOut) =
                (reader.Natural(), reader.Natural(), reader.Natural(), reader.Natural(), reader.Natural(), reader.Int32(), reader.Byte());
            StateReader.Check(
                offset < end && !lane._undecided.ContainsKey(offset) && after <= MaxTermMs && every is > 0 and <= MaxTermMs && max is > 0 and <= MaxChecks && timedOut <= 1,
                "A half message is out of range.");
            lane.ApplyAdded(offset, position, born, new HalfSchedule(reader.Text(), after, every, max));
            if (timedOut == 1)
                lane.ApplyTimedOut(offset);
        }

        for (var left = reader.Count(24); left > 0; left--)
        {
            var (offset, at, main) = (reader.Natural(), reader.Natural(), reader.Int64());
            StateReader.Check(offset < end && main >= -1 && !lane._decided.ContainsKey(offset), "The decision of a half message is out of range.");
            lane._decided[offset] = main;
            lane._decidedInOrder.Enqueue((offset, at));
        }

        lane.End = end;
        return lane;
    }
}

using System.Collections.Immutable;
using OrleansMq.Core.Compaction;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Partitions;

/// <summary>Compaction: segments that are full are written anew without the messages that a later one of their key replaces.</summary>
/// <remarks>
/// It runs beside the turns, on what is durable, decided and behind no lane's need. First the log is told how far gaps may be, and both snapshots stand behind what is
/// to change, for no replay could go through it. Then group after group of segments is put in its place, from the oldest on, so that a key's tombstone is never gone before what it hides.
/// At last the log is told that it is done. A pass that is cut off anywhere leaves a log that is as good, and the next does it again.
/// </remarks>
public sealed partial class PartitionEngine
{
    /// <summary>Segments become one until it holds so much.</summary>
    private const long MergedBytes = 16 << 20;

    /// <summary>A gap says how long it is in 31 bits.</summary>
    private const long MaxSpan = 1 << 30;

    /// <summary>So many segments are made one though nothing goes from them.</summary>
    private const int ManySegments = 8;

    private Task _compaction = Task.CompletedTask;
    private volatile bool _compactionEnds;
    private bool _canRewrite;

    /// <summary>A pass up to there could do nothing more: another waits until it could reach further.</summary>
    private long _compactionStuckAt = -1;

    private readonly record struct CompactionPlan(long From, long FromPosition, long End, long To, long TombstonesFrom, ImmutableList<AbortedRange> Aborted);

    private void CompactInBackground()
    {
        if (_topic.Settings.Compact && _canRewrite && _compaction.IsCompleted && !_compactionEnds)
            _compaction = CompactWhatIsDue();
    }

    /// <summary>Compacts if there is enough to compact and nobody else does; returns when it is done.</summary>
    public async Task Compact()
    {
        CompactInBackground();
        await _compaction;
    }

    private async Task CompactWhatIsDue()
    {
        if (!_host.CompactionTurn.Wait(0))
            return;
        try
        {
            while (await PlanCompaction() is { } plan && await RunCompaction(plan))
            {
                // The keys did not fit: on from where they ended.
            }
        }
        catch (Exception e) when (e is CompactionException or LogFullException)
        {
            if (e is CompactionException)
                _compactionStuckAt = _log.Segments[^1];
            _host.Report($"Topic {_topic.Name}, partition {Number}: it was not compacted: {e.Message}");
        }
        catch (Exception e) when (e is MqException or ObjectDisposedException or LogTrimmedException)
        {
            // It stopped, is closing, or what was to be compacted was removed: no news.
        }
        catch (Exception error)
        {
            Post(() => Stop(error));
        }
        finally
        {
            _host.CompactionTurn.Release();
        }
    }

    private async Task<CompactionPlan?> PlanCompaction()
    {
        var (settings, options) = (_topic.Settings, _host.Compaction);
        var (minAge, tombstoneAge) = (settings.CompactMinAge ?? options.MinAge, settings.TombstoneAge ?? options.TombstoneAge);
        var segments = _log.Segments;
        if (_log.End - segments[^1] >= options.DirtyBytes)
            _log.Roll();
        var (from, limit, stable, lanes, tombstones, aborted, now) = await Ask(ReleaseLevel.Durable, (state, _, now) => (
            state.CompactedEnd, state.CompactableEnd(settings.KeepUnsettled), state.StableEnd, state.LeastLanePosition,
            state.TombstonesFrom((long)tombstoneAge.TotalMilliseconds, now), state.Transactions.Aborted, now));
        if (minAge > TimeSpan.Zero)
            limit = Math.Min(limit, await FindOffset(StartAt.Time(DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, now - (long)minAge.TotalMilliseconds)))));
        // Something that can be read stays behind it: a reader that came so far is not left waiting in a gap.
        var last = await LastSegment(segments, async at => at <= lanes && await OffsetAt(at) is var offset && offset <= limit && offset < stable);
        var first = await LastSegment(segments, async at => await OffsetAt(at) <= from);
        var (fromPosition, to) = (segments[first], segments[last]);
        var dirty = to - fromPosition;
        var clean = Math.Max(0, _log.StoredBytes - (_log.End - fromPosition));
        if (to <= _compactionStuckAt || dirty < Math.Max(1, options.DirtyBytes) || dirty < (settings.CompactDirtyRatio ?? options.DirtyRatio) * (dirty + clean))
            return null;
        return new CompactionPlan(from, fromPosition, await OffsetAt(to), to, tombstones, aborted);
    }

    /// <summary>The offset of the first message at or behind a position.</summary>
    private ValueTask<long> OffsetAt(long position)
    {
        var seen = _visible;
        return position <= _log.Start ? new ValueTask<long>(seen.Start) : _reader.FirstOffsetFrom(position, seen.End, seen.Position);
    }

    /// <summary>The last segment that something holds for, which holds for those before it; the first where it holds for none.</summary>
    private static async ValueTask<int> LastSegment(IReadOnlyList<long> segments, Func<long, ValueTask<bool>> holds)
    {
        var (low, high) = (0, segments.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (await holds(segments[middle]))
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }

    /// <returns>Whether there is more to do for which the memory did not suffice.</returns>
    private async Task<bool> RunCompaction(CompactionPlan plan)
    {
        if (!await StandBehind(plan))
            return false;
        var pass = new Compacting(new LastOffsets(_host.Compaction.MemoryBytes), plan.From, plan.End, plan.TombstonesFrom, plan.Aborted);
        await FrameWalk.WalkWhile(_log, plan.FromPosition, plan.To, (header, payload) => new ValueTask<bool>(GoesOn() && pass.Tell(header, payload)));
        var (end, from) = (pass.End, _log.Start);
        while (from < plan.To && await OffsetAt(from) < pass.End)
        {
            var group = new SegmentRewriting(_log, pass, from);
            var rewritten = await Rewrite(group, plan.To, pass.End);
            if (rewritten == Rewritten.Done)
            {
                from = group.End;
                continue;
            }

            end = Math.Min(end, await OffsetAt(from));
            if (rewritten == Rewritten.NoRoom)
                _compactionStuckAt = plan.To;
            break;
        }

        if (end > plan.From || plan.TombstonesFrom > 0)
            await Ask(ReleaseLevel.Durable, (state, frames, now) =>
            {
                state.EndCompaction(Math.Max(end, state.CompactedEnd), end == pass.End ? plan.TombstonesFrom : 0, now, frames);
                return true;
            });
        return end == pass.End && end < plan.End;
    }

    /// <summary>
    /// No replay goes through what is compacted, also not from the older snapshot; and that there are gaps is known before there are.
    /// </summary>
    private async Task<bool> StandBehind(CompactionPlan plan)
    {
        if (_snapshotPosition < plan.To)
            await SnapshotNow();
        await Ask(ReleaseLevel.Durable, (state, frames, now) =>
        {
            state.BeginCompaction(plan.End, now, frames);
            return true;
        });
        if (_olderSnapshotPosition < plan.To || !_olderIsKnown)
            await SnapshotNow();
        return _olderIsKnown && _olderSnapshotPosition >= plan.To;
    }

    private enum Rewritten
    {
        Done,

        /// <summary>What stays of the segments and a gap behind it don't go where they were.</summary>
        NoRoom,

        /// <summary>A group was made or set back since, and has not settled what was to go.</summary>
        Wanted,
    }

    private async Task<Rewritten> Rewrite(SegmentRewriting group, long to, long end)
    {
        await using (group)
        {
            var segments = _log.Segments;
            var first = segments.ToList().IndexOf(group.Start);
            if (first < 0)
                throw new LogTrimmedException($"What stood at position {group.Start} was removed.");
            for (var i = first; segments[i] < to && await OffsetAt(segments[i]) < end; i++)
            {
                if (segments[i + 1] - group.Start > MaxSpan)
                {
                    if (group.Segments == 0)
                        throw new CompactionException($"The segment at position {group.Start} has more than {MaxSpan} bytes.");
                    break;
                }

                await group.Take(segments[i + 1], GoesOn);
                if (group.HasRoom && group.Bytes >= MergedBytes)
                    break;
            }

            if (!group.IsWorthIt(ManySegments))
                return Rewritten.Done;
            if (!group.HasRoom)
                return Rewritten.NoRoom;
            var next = await OffsetAt(group.End);
            await group.Seal(next);
            if (await CompactableEnd() < Math.Min(next, end))
                return Rewritten.Wanted;
            await _positions.Move(() => Place(group));
            return Rewritten.Done;
        }
    }

    private Task<long> CompactableEnd()
    {
        var keepUnsettled = _topic.Settings.KeepUnsettled;
        return Ask(ReleaseLevel.Decided, (state, _, _) => state.CompactableEnd(keepUnsettled));
    }

    private async Task Place(SegmentRewriting group)
    {
        _reader.Moving(group.Start, group.End);
        try
        {
            await group.Place();
        }
        finally
        {
            _index.Forget(group.Start, group.End);
            _reader.ForgetPlaces();
        }
    }

    private bool GoesOn() => !_compactionEnds ? true : throw Closing();
}

using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Messages on their way to dead letters: by the consumer's word, because they expired, or because they were delivered too often.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>Offsets on their way to dead letters: read outside the turn, moved in a later one.</summary>
    private readonly HashSet<(int Group, int Lane, long Offset)> _dying = [];

    /// <summary>Dead-letters leases, by the consumer's word or because they expired.</summary>
    /// <param name="delivered">False: this last grant was no delivery.</param>
    private async Task<string?[]> BuryLeases(GroupName name, IReadOnlyList<LeaseId> leases, string reason, bool delivered = true)
    {
        var codes = new string?[leases.Count];
        var moves = new List<(int At, DeadLetterMove Move)>();
        var places = await Ask(ReleaseLevel.Decided, (state, _, now) =>
        {
            var group = Find(state, name);
            if (group.IsLog)
                throw new MqException(ErrorCodes.Conflict, $"Group '{name}' is of log style and has no leases.");
            Lapse(group, now);
            var found = new long[codes.Length];
            for (var i = 0; i < codes.Length; i++)
            {
                codes[i] = Partition.Check(group, leases[i], now);
                if (codes[i] is null && leases[i].Lane != Lane.Main)
                    group.RedrivenLane.TryFind(leases[i].Offset, out found[i]);
            }

            return found;
        });
        var (bytes, buried) = (0, false);
        for (var i = 0; i < codes.Length; i++)
        {
            if (codes[i] is not null)
                continue;
            var lease = leases[i];
            var record = lease.Lane == Lane.Main ? await MainRecord(lease.Offset) : await LaneRecord(lease.Offset, places[i]);
            if (record is not { } found)
            {
                codes[i] = ErrorCodes.LeaseUnknown;
                continue;
            }

            moves.Add((i, new DeadLetterMove(lease.Lane, lease.Offset, found, reason, delivered ? lease.Delivery : lease.Delivery - 1)));
            bytes += found.Size;
            if (bytes < MoveBytes)
                continue;
            await Bury();
            moves.Clear();
            (bytes, buried) = (0, true);
        }

        await Bury();
        return codes;

        async Task Bury()
        {
            try
            {
                await BuryLeases(name, leases, moves, codes);
            }
            catch (MqException refusal) when (buried)
            {
                throw new MqException(ErrorCodes.OutcomeUnknown, $"A part of it may be done. {refusal.Message}", refusal.RetryAfter ?? TimeSpan.FromSeconds(1), refusal);
            }
        }
    }

    private Task<bool> BuryLeases(GroupName name, IReadOnlyList<LeaseId> leases, List<(int At, DeadLetterMove Move)> moves, string?[] codes) =>
        Ask(CursorLevel, (state, frames, now) =>
        {
            var group = Find(state, name);
            var still = new List<DeadLetterMove>();
            foreach (var (at, move) in moves)
            {
                codes[at] = Partition.Check(group, leases[at], now);
                if (codes[at] is null && !still.Exists(m => m.FromLane == move.FromLane && m.FromOffset == move.FromOffset))
                    still.Add(move);
            }

            still.ForEach(move => group.Cursor(move.FromLane).NoteDone(move.FromOffset, now));
            if (still.Count > 0)
                state.MoveToDeadLetters(group, still, now, frames);
            CursorMoved(group);
            return true;
        });

    private void MoveExhausted(PartitionGroup group, long nowMs)
    {
        // Each refusal replays the log: while there is no room it is not tried, and the deadline at its end tries again.
        if (nowMs < _fullUntilMs)
            return;
        foreach (var lane in (int[])[Lane.Main, Lane.RedrivenOf(group.Number)])
        {
            var exhausted = new List<long>();
            group.Cursor(lane).SelectExhausted(100, exhausted);
            exhausted.RemoveAll(offset => !_dying.Add((group.Number, lane, offset)));
            if (exhausted.Count > 0)
                BuryExhausted(group, lane, exhausted);
        }
    }

    private async void BuryExhausted(PartitionGroup group, int lane, List<long> offsets)
    {
        var number = group.Number;
        var places = offsets.ConvertAll(offset => lane != Lane.Main && group.RedrivenLane.TryFind(offset, out var place) ? place : -1);
        var deliveries = group.Cursor(lane).Rules.MaxDeliveries;
        var moves = new List<DeadLetterMove>();
        var voids = new List<long>();
        try
        {
            // Those that are too many for one write are met again behind it.
            for (var (i, bytes) = (0, 0); i < offsets.Count && bytes < MoveBytes; i++)
            {
                RecordView? record = lane == Lane.Main ? await MainRecord(offsets[i]) : places[i] >= 0 ? await LaneRecord(offsets[i], places[i]) : null;
                bytes += record?.Size ?? 0;
                if (record is { } found)
                    moves.Add(new DeadLetterMove(lane, offsets[i], found, Partition.MaxDeliveriesReason, deliveries));
                // What is in no frame of its lane any more is nobody's message either.
                else if (lane != Lane.Main || offsets[i] >= Start)
                    voids.Add(offsets[i]);
            }

            await Ask(ReleaseLevel.Decided, (state, frames, now) =>
            {
                if (state.FindGroup(number) is { } still)
                {
                    state.SettleVoid(still, lane, voids, now, frames);
                    var cursor = still.Cursor(lane);
                    moves.RemoveAll(move => cursor.IsSettled(move.FromOffset));
                    if (moves.Count > 0)
                        state.MoveToDeadLetters(still, moves, now, frames);
                }

                foreach (var offset in offsets)
                    _dying.Remove((number, lane, offset));
                if (state.FindGroup(number) is { } moved)
                    CursorMoved(moved);
                return true;
            });
            // Those that were too many for one write must not gather for the next.
            await Look(ReleaseLevel.Written, (_, _) => true);
            Post(() =>
            {
                if (_state.FindGroup(number) is { } more)
                    MoveExhausted(more, _clock.NowMs);
            });
        }
        catch (MqException refusal)
        {
            // No room, or the partition stopped. They stay exhausted, and a deadline tries again.
            Post(() => offsets.ForEach(offset => _dying.Remove((number, lane, offset))));
            _host.Report($"Topic {_topic.Name}, partition {Number}: {offsets.Count} messages could not be moved to dead letters: {refusal.Message}");
        }
    }
}

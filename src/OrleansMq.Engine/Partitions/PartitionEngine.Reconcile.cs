using System.Globalization;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Engine.Partitions;

/// <summary>What a group has not settled: counted from its cursors, shown from the log; and given to it again.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>A page ends when it has so many bytes.</summary>
    private const int ReconcileBytes = 4 << 20;

    private const int ReconcileAtOnce = 64;

    /// <summary>The places of a page, in their order.</summary>
    private const int AmongMain = 0, AmongRedriven = 1, AmongDead = 2;

    /// <param name="request">Its <c>After</c> and the answer's <c>Next</c> are places in this partition.</param>
    public async Task<Reconciliation> Reconcile(GroupName name, ReconcileRequest request)
    {
        ThrowIfStopped();
        var bound = await AgeBound(request.OlderThan);
        var place = ReconcilePlace.Parse(request.After);
        bool Wants(UnsettledCause cause) => request.Causes?.Contains(cause) ?? true;

        await LookThrough(name, bound.Offset);
        var (counts, main, redriven, dead) = await Ask(ReleaseLevel.Durable, (state, _, now) =>
        {
            var group = Find(state, name);
            Lapse(group, now);
            var found = new List<UnsettledOffset>();
            if (group.IsLog)
            {
                var from = Math.Max(place.Offset, group.Floor);
                for (var at = from; request.Max > 0 && Wants(UnsettledCause.Uncommitted) && place.Among == AmongMain && at < bound.Offset && found.Count <= request.Max; at++)
                    found.Add(new UnsettledOffset(at, 0, false, 0));
                return (new UnsettledCounts(0, 0, 0, 0, Math.Max(0, bound.Offset - group.Floor)), found, new List<Waiting>(), new List<LaneIndex.Item>());
            }

            if (place.Among == AmongMain && request.Max > 0)
                SelectMain(group.Main!, place.Offset, bound.Offset, request.Max + 1, Wants, found);
            var (fresh, leased, returned, deferred) = group.Main!.CountUnsettled(bound.Offset);
            return (new UnsettledCounts(fresh, leased, returned, 0, 0, deferred), found, WaitingOf(group), group.DeadLetters.Items.ToList());
        });

        var page = new ReconcilePage(request.Max);
        if (place.Among == AmongMain && !await AddMain(page, name, main))
            return new Reconciliation(await Counted(counts, redriven, dead, bound), page.Messages, page.Next);
        foreach (var waiting in redriven.Where(each => place.Among < AmongRedriven || (place.Among == AmongRedriven && each.Item.Offset >= place.Offset)))
        {
            var cause = waiting.Cause;
            if (place.Among <= AmongRedriven && Wants(cause) && await OldLetter(waiting.Item, bound) is { } letter
                && !page.Add(new UnsettledMessage(cause, waiting.Stand.Attempts, false, null, AtOrigin(letter)), AmongRedriven, waiting.Item.Offset))
                return new Reconciliation(await Counted(counts, redriven, dead, bound), page.Messages, page.Next);
        }

        foreach (var item in dead.Where(each => place.Among < AmongDead || each.Offset >= place.Offset))
            if (Wants(UnsettledCause.Dead) && request.Max > 0 && await OldLetter(item, bound) is { } letter
                && !page.Add(new UnsettledMessage(UnsettledCause.Dead, letter.DeadLetter?.Deliveries ?? 0, false, null, AtOrigin(letter)), AmongDead, item.Offset))
                break;
        return new Reconciliation(await Counted(counts, redriven, dead, bound), page.Messages, page.Next);
    }

    /// <summary>Ends the waits of what came back, the leases where asked, and redrives dead letters.</summary>
    public async Task<int> Redeliver(GroupName name, RedeliverRequest request)
    {
        ThrowIfStopped();
        var bound = await AgeBound(request.OlderThan);
        var only = request.Positions?.Where(position => position.Partition == Number).Select(position => position.Offset).ToHashSet();
        bool Wants(UnsettledCause cause) => request.Causes.Contains(cause);
        var (redriven, dead) = await Ask(ReleaseLevel.Durable, (state, _, _) =>
        {
            var group = Find(state, name);
            if (group.IsLog)
                throw new MqException(ErrorCodes.Conflict, $"Group '{name}' is of log style: seek to read again.");
            return (group.RedrivenLane.Items.ToList(), group.DeadLetters.Items.ToList());
        });
        var count = 0;
        if (Wants(UnsettledCause.Returned) || Wants(UnsettledCause.Leased) || Wants(UnsettledCause.Deferred))
        {
            var again = await OldOf(redriven, bound, only);
            count = await Ask(CursorLevel, (state, frames, now) =>
            {
                var group = Find(state, name);
                RefuseWhileFull(now);
                Lapse(group, now);
                var lanes = new List<(int Lane, UnsettledOffset Message)>();
                var some = new List<UnsettledOffset>();
                group.Main!.SelectUnsettled(0, bound.Offset, fresh: false, int.MaxValue, some);
                lanes.AddRange(some.Where(message => only?.Contains(message.Offset) ?? true).Select(message => (Lane.Main, message)));
                some.Clear();
                group.Redriven!.SelectUnsettled(0, group.RedrivenLane.End, fresh: false, int.MaxValue, some);
                lanes.AddRange(some.Where(message => again.ContainsKey(message.Offset)).Select(message => (Lane.RedrivenOf(group.Number), message)));
                // What has had all its deliveries is on its way to dead letters, and what is due needs nothing.
                lanes.RemoveAll(each => !Wants(each.Message.Cause) || (each.Message.Cause == UnsettledCause.Returned
                    && (each.Message.NotBeforeMs <= now || each.Message.Attempts >= group.Cursor(each.Lane).Rules.MaxDeliveries)));
                foreach (var (lane, message) in lanes)
                    state.Redeliver(group, lane, message.Offset, now, frames);
                Lapse(group, now);
                MoveExhausted(group, now);
                CursorMoved(group);
                return lanes.Count;
            });
        }

        if (request.Causes.Contains(UnsettledCause.Dead) && await OldOf(dead, bound, only) is { Count: > 0 } letters)
            count += await Redrive(name, letters.Keys, null);
        return count;
    }

    /// <summary>Up to where messages are old enough.</summary>
    private async ValueTask<AgeLimit> AgeBound(TimeSpan olderThan)
    {
        if (olderThan < TimeSpan.Zero)
            throw new MqException(ErrorCodes.Malformed, $"An age is not negative; {olderThan} was given.");
        if (olderThan == TimeSpan.Zero)
            return new AgeLimit(StableEnd, long.MaxValue);
        // To the millisecond itself: what is exactly so old is old enough.
        var before = Math.Max(0, _clock.NowMs - (long)olderThan.TotalMilliseconds + 1);
        var offset = await FindOffset(StartAt.Time(DateTimeOffset.FromUnixTimeMilliseconds(before)));
        using var held = await _positions.Hold();
        return new AgeLimit(Math.Min(StableEnd, offset), await _index.FindTime(before));
    }

    private static void SelectMain(QueueCursor cursor, long from, long end, int max, Func<UnsettledCause, bool> wants, List<UnsettledOffset> into)
    {
        var fresh = wants(UnsettledCause.NeverDelivered);
        while (into.Count < max)
        {
            var some = new List<UnsettledOffset>();
            cursor.SelectUnsettled(from, end, fresh, fresh ? max : int.MaxValue, some);
            into.AddRange(some.Where(message => wants(message.Cause)).Take(max - into.Count));
            if (!fresh || some.Count < max)
                return;
            from = some[^1].Offset + 1;
        }
    }

    private static List<Waiting> WaitingOf(PartitionGroup group)
    {
        var some = new List<UnsettledOffset>();
        group.Redriven!.SelectUnsettled(0, group.RedrivenLane.End, fresh: true, int.MaxValue, some);
        var stands = some.ToDictionary(message => message.Offset);
        return [.. group.RedrivenLane.Items.Select(item => new Waiting(item, stands.GetValueOrDefault(item.Offset)))];
    }

    /// <returns>False: the page is full.</returns>
    private async ValueTask<bool> AddMain(ReconcilePage page, GroupName name, List<UnsettledOffset> main)
    {
        var (now, isLog, filter) = (_clock.NowMs, _topic.FindGroup(name.Text) is { Style: GroupStyle.Log }, FilterOf(name));
        foreach (var some in main.Chunk(ReconcileAtOnce))
        {
            var records = await MainRecords(Array.ConvertAll(some, message => message.Offset));
            for (var i = 0; i < some.Length; i++)
                if (records[i] is { } stored
                    && !WillBePassedOver(filter, some[i].Attempts, stored.Record)
                    && !page.Add(
                        new UnsettledMessage(
                            isLog ? UnsettledCause.Uncommitted : some[i].Cause, some[i].Attempts, !isLog && IsExpired(stored, TopicLifeMs, now),
                            DateTimeOffset.FromUnixTimeMilliseconds(stored.AppendedAtMs), MessageCodec.Decode(Number, stored.Record)),
                        AmongMain, some[i].Offset))
                    return false;
        }

        return true;
    }

    private async ValueTask<UnsettledCounts> Counted(UnsettledCounts main, List<Waiting> redriven, List<LaneIndex.Item> dead, AgeLimit bound)
    {
        var (leased, returned, deferred, letters) = (0L, 0L, 0L, 0L);
        foreach (var waiting in redriven)
            if (await IsOld(waiting.Item, bound))
            {
                leased += waiting.Cause == UnsettledCause.Leased ? 1 : 0;
                returned += waiting.Cause == UnsettledCause.Returned ? 1 : 0;
                deferred += waiting.Cause == UnsettledCause.Deferred ? 1 : 0;
            }

        foreach (var item in dead)
            if (await IsOld(item, bound))
                letters++;
        return main with { Leased = main.Leased + leased, Returned = main.Returned + returned, Deferred = main.Deferred + deferred, Dead = letters };
    }

    /// <summary>A letter was moved later than it was appended: only what was moved lately must be looked at.</summary>
    private async ValueTask<bool> IsOld(LaneIndex.Item item, AgeLimit bound) => item.Position < bound.Position || await OldLetter(item, bound) is not null;

    /// <summary>Null: it is younger, or went while it was looked for.</summary>
    private async ValueTask<StoredMessage?> OldLetter(LaneIndex.Item item, AgeLimit bound)
    {
        try
        {
            var letter = MessageCodec.Decode(Number, await LaneRecord(item.Offset, item.Position));
            return OriginOf(letter) < bound.Offset ? letter : null;
        }
        catch (MqException gone) when (gone.Code == ErrorCodes.OffsetOutOfRange)
        {
            return null;
        }
    }

    /// <summary>Lane offsets of those that are old enough and among the positions asked for.</summary>
    private async ValueTask<Dictionary<long, long>> OldOf(List<LaneIndex.Item> items, AgeLimit bound, HashSet<long>? only)
    {
        var old = new Dictionary<long, long>();
        foreach (var item in items)
        {
            if (only is null && item.Position < bound.Position)
                old[item.Offset] = -1;
            else if (await OldLetter(item, bound) is { } letter && (only?.Contains(OriginOf(letter)) ?? true))
                old[item.Offset] = OriginOf(letter);
        }

        return old;
    }

    private static long OriginOf(StoredMessage letter) => letter.DeadLetter?.Origin.Offset ?? -1;

    private static StoredMessage AtOrigin(StoredMessage letter) => letter.DeadLetter is { } dead ? letter with { Position = dead.Origin } : letter;

    private readonly record struct AgeLimit(long Offset, long Position);

    /// <summary>A message of the redriven lane.</summary>
    private readonly record struct Waiting(LaneIndex.Item Item, UnsettledOffset Stand)
    {
        /// <summary>One that nobody has had since it was redriven came back all the same.</summary>
        public UnsettledCause Cause => Stand.Attempts == 0 ? UnsettledCause.Returned : Stand.Cause;
    }

    /// <summary>Where a page goes on: <c>among-offset</c>.</summary>
    private readonly record struct ReconcilePlace(int Among, long Offset)
    {
        public static ReconcilePlace Parse(string? after)
        {
            if (after is null)
                return default;
            var parts = after.Split('-');
            return parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var among) && among <= AmongDead
                && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
                ? new ReconcilePlace(among, offset)
                : throw new MqException(ErrorCodes.Malformed, "'after' is not what an earlier page gave as 'next'.");
        }
    }

    private sealed class ReconcilePage(int max)
    {
        private int _bytes;

        public List<UnsettledMessage> Messages { get; } = [];

        public string? Next { get; private set; }

        /// <returns>False: it is full, and goes on with this message.</returns>
        public bool Add(UnsettledMessage message, int among, long offset)
        {
            if (Messages.Count < max && _bytes < ReconcileBytes)
            {
                Messages.Add(message);
                _bytes += message.Message.Body.Length + (message.Message.Key?.Length ?? 0);
                return true;
            }

            if (max > 0)
                Next = string.Create(CultureInfo.InvariantCulture, $"{among}-{offset}");
            return false;
        }
    }
}

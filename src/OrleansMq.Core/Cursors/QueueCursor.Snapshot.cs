using System.Buffers;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Cursors;

public partial class QueueCursor
{
    private const byte FormatVersion = 1;

    /// <summary>More leases than any group may have: a snapshot that says so is damaged.</summary>
    private const int MaxSavedLeases = 1 << 21;

    /// <summary>
    /// <code>
    /// version u8 = 1 | floor i64 | dropped i64 | settled: see OffsetSet
    /// consumers: count u32, texts
    /// leases, ascending: count u32, each: from i64 | count i32 | delivery i32 | epoch i32 | until i64 | consumer i32 (its place in the list)
    /// returned, ascending: count u32, each: offset i64 | not before i64 | attempts i32
    /// </code>
    /// What is known of messages (<see cref="DeliveryWindow"/>) is not in it: it is offered again.
    /// </summary>
    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(FormatVersion);
        writer.Int64(Floor);
        writer.Int64(Dropped);
        settled.Save(writer);
        SaveLive(writer);
        // Now and then, so that a flood's memory goes but a group that breathes does not pay for it.
        live.Trim();
    }

    /// <exception cref="StateFormatException">The bytes are not such a state.</exception>
    public static QueueCursor Load(ref StateReader reader, Redelivery rules, bool byKey = false)
    {
        reader.Version(FormatVersion, "queue cursor");
        var floor = reader.Natural();
        var cursor = new QueueCursor(floor, rules, byKey);
        cursor.Dropped = reader.Natural();
        cursor.settled = OffsetSet.Load(ref reader);
        StateReader.Check(cursor.settled.NextSet(0) is var lowest && (lowest < 0 || lowest > floor), "A queue cursor's settled offsets reach below its floor.");
        cursor.LoadLeases(ref reader);
        cursor.LoadReturned(ref reader);
        cursor.Next = cursor.NextFresh(floor);
        cursor.window?.Restart();
        return cursor;
    }

    private void SaveLive(StateWriter writer)
    {
        var (leases, returned) = (new List<(GrantRange Range, int Row)>(), new List<LiveMessage>());
        foreach (var at in LiveBelow(high))
        {
            var message = live[live.Find(at)];
            if (!message.IsLeased)
                returned.Add(message);
            else if (leases.Count > 0 && leases[^1].Range.End == at && SameLease(grants[leases[^1].Row], grants[message.Grant]))
                leases[^1] = leases[^1] with { Range = leases[^1].Range with { Count = leases[^1].Range.Count + 1 } };
            else
                leases.Add((new GrantRange(at, 1, message.Attempts), message.Grant));
        }
        var consumers = new List<string>();
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (_, row) in leases)
            if (places.TryAdd(grants[row].Consumer, consumers.Count))
                consumers.Add(grants[row].Consumer);
        writer.Count(consumers.Count);
        foreach (var consumer in consumers)
            writer.Text(consumer);
        writer.Count(leases.Count);
        foreach (var (range, row) in leases)
        {
            writer.Int64(range.From);
            writer.Int32(range.Count);
            writer.Int32(range.Delivery);
            writer.Int32(grants[row].Epoch);
            writer.Int64(grants[row].UntilMs);
            writer.Int32(places[grants[row].Consumer]);
        }
        writer.Count(returned.Count);
        foreach (var message in returned)
        {
            writer.Int64(message.Offset);
            writer.Int64(message.NotBeforeMs);
            writer.Int32(message.Attempts);
        }
    }

    private void LoadLeases(ref StateReader reader)
    {
        var consumers = new string[reader.Count(2)];
        for (var i = 0; i < consumers.Length; i++)
            consumers[i] = reader.Text();
        for (var n = reader.Count(32); n > 0; n--)
        {
            var range = new GrantRange(reader.Natural(), reader.Int32(), reader.Int32());
            var (epoch, untilMs, consumer) = (reader.Int32(), reader.Int64(), reader.Int32());
            StateReader.Check(range.Count > 0 && range.Delivery > 0 && range.From >= high && range.From <= long.MaxValue - range.Count
                && (uint)consumer < (uint)consumers.Length && InFlight <= MaxSavedLeases - range.Count, "A queue cursor's lease is out of place.");
            for (var at = range.From; at < range.End; at++)
                StateReader.Check(!settled.Contains(at), "A queue cursor has a lease on a settled message.");
            ApplyGranted(range, untilMs, epoch, consumers[consumer]);
        }
    }

    private void LoadReturned(ref StateReader reader)
    {
        for (var n = reader.Count(20); n > 0; n--)
        {
            var (offset, notBeforeMs, attempts) = (reader.Natural(), reader.Int64(), reader.Int32());
            StateReader.Check(offset >= Floor && attempts > 0 && !settled.Contains(offset) && live.Find(offset) < 0, "A queue cursor's returned message is out of place.");
            ref var message = ref live[live.GetOrAdd(offset)];
            message.Attempts = attempts;
            message.NotBeforeMs = notBeforeMs;
            high = Math.Max(high, offset + 1);
            Sort(message);
        }
    }

    private static bool SameLease(in Grant one, in Grant other) =>
        one.UntilMs == other.UntilMs && one.Epoch == other.Epoch && one.Delivery == other.Delivery && one.Consumer == other.Consumer;
}

using OrleansMq.Core.Cursors;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

/// <summary>One random history of a cursor by key or with an order of its own, checked against <see cref="QueueModel"/>, the keys and the order after each step.</summary>
internal sealed class DeliveryHistory
{
    private readonly Random random;
    private readonly bool byKey;
    private readonly ulong[] keys;
    private readonly int[] priorities;
    private readonly QueueModel model;
    private QueueCursor cursor;
    private long now = 1000, end;

    /// <summary>Choices by priority since the last by age.</summary>
    private int sinceOldest;

    public DeliveryHistory(int seed, bool byKey = true, DeliveryOrder? order = null)
    {
        this.byKey = byKey;
        random = new Random(seed);
        var rules = new Redelivery(random.Next(1, 5), 0, 30, 200);
        var distinct = random.Next(1, 30);
        keys = [.. Enumerable.Range(0, random.Next(50, 1500)).Select(_ => (ulong)random.Next(0, distinct))];
        priorities = [.. keys.Select(_ => random.Next(0, Message.Priorities))];
        (cursor, model) = (new QueueCursor(0, rules, byKey) { Order = order ?? DeliveryOrder.OfLane }, new QueueModel(0, rules));
    }

    public void Run()
    {
        for (var step = 0; step < 400; step++)
        {
            now += random.Next(0, 40);
            end = Math.Min(keys.Length, end + random.Next(0, 8));
            Step();
            Check();
        }
        Drain();
    }

    private void Step()
    {
        if (random.Next(30) == 0)
            (cursor, sinceOldest) = (State.Reload(cursor), 0);
        Assert.Equal(model.Lapse(now), cursor.Lapse(now));
        var out_ = Leased();
        switch (random.Next(12))
        {
            case < 4:
                Receive(random.Next(1, 20), now + random.Next(10, 300));
                break;
            case < 8:
                foreach (var at in out_.Where(_ => random.Next(3) > 0))
                    Settle(at);
                break;
            case 8 when out_.Count > 0:
                var refused = out_[random.Next(out_.Count)];
                var notBefore = now + random.Next(0, 100);
                cursor.ApplyReturned(refused, notBefore);
                model.Returned(refused, notBefore);
                break;
            case 9:
                foreach (var dead in model.Exhausted.ToList())
                    Settle(dead);
                break;
            case 10 when random.Next(6) == 0:
                var sought = random.NextInt64(Math.Max(0, cursor.Floor - 20), end + 1);
                cursor.ApplySought(sought);
                model.Sought(sought);
                break;
            case 10 when random.Next(6) == 0:
                var newStart = Math.Min(end, cursor.Floor + random.Next(0, 10));
                cursor.ApplyDropped(newStart);
                model.DroppedBelow(newStart);
                break;
            case 11 when out_.Count > 0:
                cursor.ApplyExtended(out_[0], now + 500);
                model.Extended(out_[0], now + 500);
                break;
        }
    }

    private void Receive(int max, long untilMs)
    {
        while (cursor.WantsTraits(end, out var from, out var count))
            cursor.Offer(from, [.. Enumerable.Range((int)from, random.Next(1, count + 1)).Select(at => new MessageTraits(keys[at], keys[at] % 5, 1 + (int)(keys[at] % 3), priorities[at]))]);
        var ranges = new List<GrantRange>();
        cursor.Select(now, max, end, ranges);
        CheckChoice(max, [.. ranges.SelectMany(r => Enumerable.Range(0, r.Count).Select(i => (r.From + i, r.Delivery)))]);
        foreach (var range in ranges)
        {
            cursor.ApplyGranted(range, untilMs, 1, "a");
            model.Granted(range, untilMs, 1, "a");
        }
    }

    private void CheckChoice(int max, List<(long, int)> chosen)
    {
        var eligible = Eligible();
        if (cursor.Order.FairBy is not null)
        {
            Assert.Equal(Math.Min(max, eligible.Count), chosen.Distinct().Count());
            Assert.Empty(chosen.Except(eligible));
            return;
        }

        Assert.Equal(Math.Min(max, eligible.Count), chosen.Count);
        foreach (var one in chosen)
        {
            var oldest = !cursor.Order.ByPriority || ++sinceOldest == 10;
            sinceOldest = oldest ? 0 : sinceOldest;
            Assert.Equal(oldest ? eligible[0] : eligible.MaxBy(each => priorities[each.Item1]), one);
            eligible.Remove(one);
        }
    }

    /// <summary>The lowest unsettled message of each key, if it is fresh or due; without keys each that is.</summary>
    private List<(long, int)> Eligible()
    {
        var seen = new HashSet<ulong>();
        var eligible = new List<(long, int)>();
        for (var at = model.Floor; at < end; at++)
        {
            if (model.IsSettled(at) || (byKey && keys[at] != 0 && !seen.Add(keys[at])))
                continue;
            if (model.IsFresh(at) || model.IsDue(at, now))
                eligible.Add((at, model.Attempts(at) + 1));
        }
        return eligible;
    }

    private List<long> Leased() => [.. Enumerable.Range(0, (int)end).Select(at => (long)at).Where(model.IsLeased)];

    private void Settle(long at)
    {
        cursor.ApplySettled(at, 1);
        model.Settled(at, 1);
    }

    private void Check()
    {
        Assert.Equal(model.Floor, cursor.Floor);
        Assert.Equal(model.InFlight, cursor.InFlight);
        Assert.Equal(model.Dropped, cursor.Dropped);
        if (!byKey)
            return;
        var outOfKey = Leased().Select(at => keys[at]).Where(key => key != 0).ToList();
        Assert.Equal(outOfKey.Distinct().Count(), outOfKey.Count);
        foreach (var at in Leased().Where(at => keys[at] != 0))
            Assert.DoesNotContain(Enumerable.Range((int)cursor.Floor, (int)(at - cursor.Floor)), lower => keys[lower] == keys[at] && !model.IsSettled(lower));
    }

    /// <summary>Nothing is lost: who goes on receiving and settling gets to the end.</summary>
    private void Drain()
    {
        end = keys.Length;
        for (var turns = 0; cursor.Floor < end && turns < 10 * keys.Length; turns++)
        {
            now += 300;
            Assert.Equal(model.Lapse(now), cursor.Lapse(now));
            foreach (var dead in model.Exhausted.ToList())
                Settle(dead);
            Receive(50, now + 10);
            foreach (var at in Leased())
                Settle(at);
        }
        Assert.Equal(end, cursor.Floor);
        Assert.Equal((0, 0), (cursor.InFlight, cursor.Returned));
    }
}

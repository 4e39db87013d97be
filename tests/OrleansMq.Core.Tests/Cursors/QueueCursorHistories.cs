using OrleansMq.Core.Cursors;
using Xunit;

namespace OrleansMq.Core.Tests.Cursors;

/// <summary>Random histories from a seed, each step compared with <see cref="QueueModel"/>.</summary>
public sealed class QueueCursorHistories
{
    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 40)]
    [InlineData(3, 600)]
    [InlineData(4, 6)]
    [InlineData(5, 300)]
    public void EveryStepAgreesWithTheModel(int seed, int batch)
    {
        for (var round = 0; round < 8; round++)
            Run(seed * 1000 + round, batch);
    }

    private static void Run(int seed, int batch)
    {
        var random = new Random(seed);
        var rules = new Redelivery(random.Next(1, 5), 0, 50, 700);
        var start = random.Next(0, 1500);
        var (cursor, model) = (new QueueCursor(start, rules), new QueueModel(start, rules));
        var granted = new List<(long Offset, int Delivery, int Epoch)>();
        var (now, end, epoch) = (1000L, (long)start, 1);
        for (var step = 0; step < 150; step++)
        {
            now += random.Next(0, 60);
            end += random.Next(0, batch);
            if (random.Next(40) == 0)
            {
                cursor = State.Reload(cursor);
                epoch++;
            }
            Assert.Equal(model.Lapse(now), cursor.Lapse(now));
            Step(random, cursor, model, granted, now, end, epoch, batch);
            Compare(random, cursor, model, granted, now, end, seed);
        }
    }

    private static void Step(Random random, QueueCursor cursor, QueueModel model, List<(long Offset, int Delivery, int Epoch)> granted, long now, long end, int epoch, int batch)
    {
        var some = granted.Count == 0 ? (Offset: end, Delivery: 1, Epoch: 1) : granted[random.Next(granted.Count)];
        switch (random.Next(20))
        {
            case < 7:
                var ranges = new List<GrantRange>();
                var max = random.Next(1, batch);
                List<(long Offset, int Delivery)> wanted;
                if (random.Next(4) == 0)
                {
                    List<long> named = [.. Enumerable.Range(0, max).Select(_ => random.NextInt64(end + 1)).Concat(model.Deferred.Take(2)).Distinct()];
                    cursor.SelectDeferred(named, int.MaxValue, ranges);
                    wanted = [.. named.Where(model.IsDeferred).Select(at => (at, model.Attempts(at) + 1))];
                }
                else
                {
                    cursor.Select(now, max, end, ranges);
                    wanted = [.. model.Select(now, max, end)];
                }

                Assert.Equal(wanted, ranges.SelectMany(r => Enumerable.Range(0, r.Count).Select(i => (r.From + i, r.Delivery))));
                var until = now + random.Next(20, 400);
                foreach (var range in ranges)
                {
                    cursor.ApplyGranted(range, until, epoch, "c" + epoch);
                    model.Granted(range, until, epoch, "c" + epoch);
                    for (var at = range.From; at < range.End; at++)
                        granted.Add((at, range.Delivery, epoch));
                }
                break;
            case < 13:
                for (var n = random.Next(1, batch); n > 0 && granted.Count > 0; n--)
                {
                    var index = random.Next(3) == 0 ? random.Next(granted.Count) : 0;
                    var (offset, delivery, grantEpoch) = granted[index];
                    granted.RemoveAt(index);
                    if (cursor.Check(new LeaseId(0, 0, grantEpoch, offset, delivery), now) != LeaseState.Held)
                        continue;
                    cursor.ApplySettled(offset, 1);
                    model.Settled(offset, 1);
                }
                break;
            case < 15:
                if (cursor.Check(new LeaseId(0, 0, some.Epoch, some.Offset, some.Delivery), now) == LeaseState.Held)
                {
                    var notBefore = random.Next(3) == 0 ? QueueCursor.DeferredMs : now + random.Next(0, 300);
                    cursor.ApplyReturned(some.Offset, notBefore);
                    model.Returned(some.Offset, notBefore);
                }
                break;
            case 15:
                var longer = now + random.Next(0, 900);
                for (var at = some.Offset; at < some.Offset + random.Next(1, 5); at++)
                {
                    cursor.ApplyExtended(at, longer);
                    model.Extended(at, longer);
                }
                break;
            case 16:
                var (from, count) = (Math.Max(0, some.Offset - random.Next(0, 5)), random.Next(1, Math.Min(batch, 3000)));
                count = (int)Math.Min(count, end - from);
                if (count <= 0)
                    break;
                cursor.ApplySettled(from, count);
                model.Settled(from, count);
                break;
            case 17:
                foreach (var dead in model.Exhausted.ToList())
                {
                    cursor.ApplySettled(dead, 1);
                    model.Settled(dead, 1);
                }
                break;
            case 18 when random.Next(3) == 0:
                var newStart = Math.Min(end, cursor.Floor + random.Next(-5, batch));
                cursor.ApplyDropped(newStart);
                model.DroppedBelow(newStart);
                break;
            case 19 when random.Next(6) == 0:
                var sought = random.NextInt64(Math.Max(0, cursor.Floor - 50), end + 1);
                cursor.ApplySought(sought);
                model.Sought(sought);
                granted.Clear();
                break;
            case 19 when random.Next(6) == 0:
                cursor.ClampTo(end - 3 < 0 ? 0 : end - 3);
                model.Clamped(end - 3 < 0 ? 0 : end - 3);
                break;
            case 19:
                cursor.Rules = model.Rules = new Redelivery(random.Next(1, 5), random.Next(100));
                break;
        }
    }

    private static void Compare(Random random, QueueCursor cursor, QueueModel model, List<(long Offset, int Delivery, int Epoch)> granted, long now, long end, int seed)
    {
        var (exhausted, upTo) = (new List<long>(), new List<OffsetRange>());
        cursor.SelectExhausted(int.MaxValue, exhausted);
        cursor.Select(now, 0, end, []);
        Assert.True(model.Floor == cursor.Floor, $"seed {seed}: floor {cursor.Floor}, wanted {model.Floor}");
        Assert.Equal(model.InFlight, cursor.InFlight);
        Assert.Equal(model.Unsettled(end), cursor.Unsettled(end));
        Assert.Equal(model.Dropped, cursor.Dropped);
        Assert.Equal(model.Exhausted, exhausted);
        Assert.Equal(model.Deferred.Count(), cursor.Deferred);
        Assert.Equal(model.NextDeadline(now), cursor.NextDeadline);
        Assert.True(model.IsFresh(cursor.Next));
        foreach (var (offset, delivery, epoch) in granted.Take(20))
        {
            var lease = new LeaseId(0, 0, epoch, offset, delivery);
            Assert.Equal(model.Check(lease, now), cursor.Check(lease, now));
        }
        var limit = random.NextInt64(cursor.Floor, end + 2);
        cursor.SelectUpTo(limit, upTo);
        Assert.Equal(Enumerable.Range((int)cursor.Floor, (int)(limit - cursor.Floor) + 1).Select(at => (long)at).Where(model.IsLeased),
            upTo.SelectMany(r => Enumerable.Range(0, r.Count).Select(i => r.From + i)));
    }
}

using BenchmarkDotNet.Attributes;
using OrleansMq.Core.Cursors;

namespace OrleansMq.Benchmarks;

/// <summary>A queue's way with 10,000 messages: granted 100 at a time, each checked and settled by itself. Times are for one message.</summary>
[MemoryDiagnoser]
public class QueueCursorBenchmarks
{
    private const int Count = 10_000;
    private const int AtOnce = 100;

    private readonly List<GrantRange> _ranges = [];
    private readonly MessageTraits[] _traits = new MessageTraits[Count];
    private readonly int[] _shuffled = [.. Enumerable.Range(0, AtOnce)];

    /// <summary>Keys that the messages of a by-key queue take in turn.</summary>
    [Params(1_000)]
    public int Keys { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        for (var i = 0; i < Count; i++)
            _traits[i] = new MessageTraits((ulong)(i % Keys) + 1, (ulong)(i % Keys) + 1, 1, i % Message.Priorities);
        new Random(1).Shuffle(_shuffled);
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public long GrantAndSettleInOrder() => Run(new QueueCursor(0, new Redelivery(16, 1_000)), shuffled: false);

    [Benchmark(OperationsPerInvoke = Count)]
    public long GrantAndSettleShuffled() => Run(new QueueCursor(0, new Redelivery(16, 1_000)), shuffled: true);

    [Benchmark(OperationsPerInvoke = Count)]
    public long GrantAndSettleByKey()
    {
        var cursor = new QueueCursor(0, new Redelivery(16, 1_000), byKey: true);
        cursor.Offer(0, _traits);
        return Run(cursor, shuffled: false);
    }

    [Benchmark(OperationsPerInvoke = Count)]
    public long GrantAndSettleByPriority() => RunOrdered(new DeliveryOrder(true, null));

    [Benchmark(OperationsPerInvoke = Count)]
    public long GrantAndSettleFairly() => RunOrdered(new DeliveryOrder(false, FairBy.Key));

    private long RunOrdered(DeliveryOrder order)
    {
        var cursor = new QueueCursor(0, new Redelivery(16, 1_000)) { Order = order };
        cursor.Offer(0, _traits);
        return Run(cursor, shuffled: false);
    }

    private long Run(QueueCursor cursor, bool shuffled)
    {
        while (cursor.Floor < Count)
        {
            _ranges.Clear();
            cursor.Select(1_000, AtOnce, Count, _ranges);
            foreach (var range in _ranges)
                cursor.ApplyGranted(range, 31_000, 1, "consumer");
            foreach (var range in _ranges)
                for (var i = 0; i < range.Count; i++)
                    Settle(cursor, range.From + (shuffled && range.Count == AtOnce ? _shuffled[i] : i));
        }

        return cursor.Floor;
    }

    private static void Settle(QueueCursor cursor, long offset)
    {
        if (cursor.Check(new LeaseId(0, 0, 1, offset, 1), 1_000) != LeaseState.Held)
            throw new InvalidOperationException($"The lease of {offset} is not held.");
        cursor.ApplySettled(offset, 1);
    }
}

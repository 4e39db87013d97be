using System.Threading.Channels;

namespace OrleansMq;

/// <summary>
/// Deliveries that wait for a worker. In a group by key the second message of a key waits until the first is settled, so that workers
/// side by side keep the order; where the first was not acknowledged, those behind it are given back: the broker delivers them after it.
/// </summary>
internal sealed class ReadyLeases
{
    private readonly Lock _sync = new();
    private readonly Channel<HeldLease> _ready = Channel.CreateUnbounded<HeldLease>();

    // By key only: the keys being handled or about to be, and what waits behind them.
    private readonly Dictionary<OrderKey, Queue<HeldLease>> _behind = [];

    /// <summary>Only the receiver sets it; what is behind a key stays there.</summary>
    public bool ByKey { get; set; }

    public ChannelReader<HeldLease> Reader => _ready.Reader;

    public int Count => _ready.Reader.Count;

    public void Add(HeldLease held)
    {
        if (!ByKey || held.Delivery.Key is not { } key)
        {
            _ready.Writer.TryWrite(held);
            return;
        }

        lock (_sync)
        {
            var order = new OrderKey(held.Delivery.Position.Partition, key);
            if (_behind.TryGetValue(order, out var queue))
                queue.Enqueue(held);
            else
            {
                _behind[order] = new();
                _ready.Writer.TryWrite(held);
            }
        }
    }

    /// <summary>The delivery is over; the next of its key may go.</summary>
    /// <returns>What is to be given back.</returns>
    public IReadOnlyCollection<HeldLease> Leave(HeldLease held, bool acknowledged)
    {
        if (_behind.Count == 0 || held.Delivery.Key is not { } key)
            return [];
        lock (_sync)
        {
            var order = new OrderKey(held.Delivery.Position.Partition, key);
            if (!_behind.TryGetValue(order, out var queue))
                return [];
            if (acknowledged && queue.TryDequeue(out var next))
            {
                if (_ready.Writer.TryWrite(next))
                    return [];
                queue.Enqueue(next);
            }

            _behind.Remove(order);
            return queue;
        }
    }

    /// <summary>Nobody gets any more.</summary>
    /// <returns>What nobody had begun.</returns>
    public List<HeldLease> Close()
    {
        _ready.Writer.TryComplete();
        List<HeldLease> left = [];
        while (_ready.Reader.TryRead(out var held))
            left.Add(held);
        lock (_sync)
        {
            foreach (var queue in _behind.Values)
                while (queue.TryDequeue(out var held))
                    left.Add(held);
        }

        return left;
    }
}

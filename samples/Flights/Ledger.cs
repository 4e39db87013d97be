using System.Diagnostics;

namespace OrleansMq.Samples.Flights;

/// <summary>
/// What really happened to each flight, noted by everybody who touches one and kept outside the broker, so that the broker's promises can be
/// checked against it. Flights are counted by their number; one array slot belongs to one flight.
/// </summary>
internal sealed class Ledger(int flights, int partitions)
{
    private readonly long[] _publishedAt = new long[flights]; // Stopwatch ticks of the first sending
    private readonly Position[] _ackedAt = Filled(flights, new Position(-1, -1)); // where the broker said it stands
    private readonly int[] _handled = new int[flights]; // how often the delays handler's effect was applied: 1, however often it was delivered
    private readonly PartitionReading[] _boards = Readings(partitions);
    private readonly PartitionReading[] _late = Readings(partitions);
    private readonly int[] _lateSeen = new int[flights];
    private int _acked, _duplicates, _resent, _delaysDelivered, _delaysRedelivered, _delaysSettled, _delayed, _failedOnPurpose, _handledOnce, _handledAgain;

    public int Flights => flights;
    public int Acked => Volatile.Read(ref _acked);

    /// <summary>Resends that the broker answered with the first one's position.</summary>
    public int Duplicates => Volatile.Read(ref _duplicates);

    /// <summary>Flights sent again on purpose.</summary>
    public int Resent => Volatile.Read(ref _resent);

    public ReadingTotals Boards => ReadingTotals.Of(_boards);
    public ReadingTotals Late => ReadingTotals.Of(_late);
    public int DelaysDelivered => Volatile.Read(ref _delaysDelivered);
    public int DelaysRedelivered => Volatile.Read(ref _delaysRedelivered);

    /// <summary>Flights the workers are done with: on time, or delayed and handled.</summary>
    public int DelaysSettled => Volatile.Read(ref _delaysSettled);
    public int FailedOnPurpose => Volatile.Read(ref _failedOnPurpose);
    public int Delayed => Volatile.Read(ref _delayed);
    public int Handled => Volatile.Read(ref _handledOnce);

    /// <summary>Deliveries of a flight that had been handled already and were let pass without a second effect.</summary>
    public int HandledAgain => Volatile.Read(ref _handledAgain);

    /// <summary>Flights acknowledged when the broker was killed, and how long it was away.</summary>
    public int Killed { get; set; }
    public TimeSpan Down { get; set; }

    public int DeadLettered { get; set; }
    public int Redriven { get; set; }

    public Latencies ToAck { get; } = new();
    public Latencies ToBoard { get; } = new();
    public Latencies ToHandled { get; } = new();

    /// <summary>Something moves whenever this number does.</summary>
    public long Pulse => Acked + Boards.Seen + (long)DelaysDelivered + Late.Seen;

    public void Published(Flight flight)
    {
        Volatile.Write(ref _publishedAt[flight.Number], Stopwatch.GetTimestamp());
        if (flight.IsDelayed)
            Interlocked.Increment(ref _delayed);
    }

    public void AckedAs(Flight flight, PublishResult result)
    {
        _ackedAt[flight.Number] = result.OrThrow();
        ToAck.Add(Since(flight));
        if (result.Duplicate)
            Interlocked.Increment(ref _duplicates);
        Interlocked.Increment(ref _acked);
    }

    /// <returns>False where the broker gave another position than the first time, or did not know the flight again.</returns>
    public bool ResentAs(Flight flight, PublishResult result)
    {
        Interlocked.Increment(ref _resent);
        if (result.Duplicate)
            Interlocked.Increment(ref _duplicates);
        return result.Duplicate && result.OrThrow() == _ackedAt[flight.Number];
    }

    public void OnBoard(StoredMessage message, Flight flight)
    {
        if (_boards[message.Position.Partition].Read(message.Position.Offset, flight))
            ToBoard.Add(Since(flight));
    }

    public void ReadLate(StoredMessage message, Flight flight)
    {
        if (!_late[message.Position.Partition].Read(message.Position.Offset, flight))
            return;
        Interlocked.Increment(ref _lateSeen[flight.Number]);
    }

    public void Delivered(Delivery delivery)
    {
        Interlocked.Increment(ref _delaysDelivered);
        if (delivery.DeliveryCount > 1)
            Interlocked.Increment(ref _delaysRedelivered);
    }

    public void FailedAsPlanned() => Interlocked.Increment(ref _failedOnPurpose);

    /// <summary>The handler's effect, applied once for each token however often the message comes.</summary>
    public void HandleOnce(Flight flight)
    {
        if (Interlocked.CompareExchange(ref _handled[flight.Number], 1, 0) != 0)
        {
            Interlocked.Increment(ref _handledAgain);
            return;
        }
        Interlocked.Increment(ref _delaysSettled);
        if (!flight.IsDelayed)
            return;
        Interlocked.Increment(ref _handledOnce);
        ToHandled.Add(Since(flight));
    }

    /// <summary>Acknowledged flights that the log, read from the start, does not have.</summary>
    public int Lost => Enumerable.Range(0, flights).Count(n => _ackedAt[n].Offset >= 0 && _lateSeen[n] == 0);

    /// <summary>Flights that the log has more than once.</summary>
    public int StoredTwice => _lateSeen.Count(times => times > 1);

    public int NeverAcked => _ackedAt.Count(position => position.Offset < 0);

    private TimeSpan Since(Flight flight) => Stopwatch.GetElapsedTime(Volatile.Read(ref _publishedAt[flight.Number]));

    private static PartitionReading[] Readings(int partitions) => [.. Enumerable.Range(0, partitions).Select(_ => new PartitionReading())];

    private static Position[] Filled(int count, Position value)
    {
        var all = new Position[count];
        Array.Fill(all, value);
        return all;
    }
}

/// <summary>How one partition of the log was read by one group: each offset in order, with no gap, each airport's flights in order of departure.</summary>
internal sealed class PartitionReading
{
    private readonly Lock _one = new(); // a member that lost the partition may still be reading its last batch
    private readonly Dictionary<string, int> _lastOfAirport = [];
    private long _next;

    public int Seen { get; private set; }

    /// <summary>Offsets that came again: after a crash, what was read but not yet committed. Allowed, and without effect.</summary>
    public int Again { get; private set; }

    public int Gaps { get; private set; }
    public int OutOfOrder { get; private set; }

    /// <returns>Whether it is new.</returns>
    public bool Read(long offset, Flight flight)
    {
        lock (_one)
        {
            if (offset < _next)
            {
                Again++;
                return false;
            }
            if (offset > _next)
                Gaps++;
            _next = offset + 1;
            Seen++;
            if (_lastOfAirport.TryGetValue(flight.Origin, out var last) && last >= flight.Number)
                OutOfOrder++;
            _lastOfAirport[flight.Origin] = flight.Number;
            return true;
        }
    }
}

/// <summary>All partitions of one group together.</summary>
internal readonly record struct ReadingTotals(int Seen, int Again, int Gaps, int OutOfOrder)
{
    public static ReadingTotals Of(IEnumerable<PartitionReading> partitions) => partitions.Aggregate(default(ReadingTotals), (sum, p) =>
        new(sum.Seen + p.Seen, sum.Again + p.Again, sum.Gaps + p.Gaps, sum.OutOfOrder + p.OutOfOrder));
}

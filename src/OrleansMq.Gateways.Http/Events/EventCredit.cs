using System.Diagnostics.CodeAnalysis;

namespace OrleansMq.Gateways.Http;

/// <summary>What one event stream may still send: it holds leases, each until it is settled or lapses, and never more than its credit.</summary>
/// <remarks>Any thread: the stream takes, and calls that settle give back.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing.")]
internal sealed class EventCredit(int credit, TimeProvider time)
{
    private readonly Lock _sync = new();

    // Not settled as far as is known here, with the timestamp at which they lapse. Never more than the credit.
    private readonly Dictionary<LeaseId, long> _held = [];

    // Set while the stream waits for credit.
    private TaskCompletionSource? _given;

    /// <summary>How long a lease lasts that is extended without saying so: the group's when the stream began.</summary>
    public TimeSpan Lease { get; set; } = new GroupSettings().Lease;

    public int Free
    {
        get
        {
            lock (_sync)
            {
                var now = time.GetTimestamp();
                foreach (var (lease, until) in _held)
                    if (until <= now)
                        _held.Remove(lease);
                return credit - _held.Count;
            }
        }
    }

    /// <summary>It was taken, and is neither settled nor lapsed.</summary>
    public bool Holds(LeaseId lease)
    {
        lock (_sync)
            return _held.TryGetValue(lease, out var until) && until > time.GetTimestamp();
    }

    public void Take(LeaseId lease, TimeSpan lasts)
    {
        lock (_sync)
            _held[lease] = After(lasts);
    }

    /// <summary>It is settled, or somebody else's by now.</summary>
    public void Give(LeaseId lease)
    {
        lock (_sync)
            if (_held.Remove(lease))
                Wake();
    }

    /// <summary>Everything up to this position is settled; redriven messages have their places elsewhere.</summary>
    public void GiveUpTo(Position position)
    {
        lock (_sync)
        {
            foreach (var lease in _held.Keys)
                if (lease.Lane == 0 && lease.Partition == position.Partition && lease.Offset <= position.Offset)
                    _held.Remove(lease);
            Wake();
        }
    }

    public void Extend(LeaseId lease, TimeSpan lasts)
    {
        lock (_sync)
            if (_held.ContainsKey(lease))
                _held[lease] = After(lasts);
    }

    /// <summary>Waits until credit was given back, a lease has lapsed, or <paramref name="longest"/> is over.</summary>
    public async Task WaitForMore(TimeSpan longest, CancellationToken cancel)
    {
        Task given;
        lock (_sync)
        {
            if (_held.Count < credit)
                return;
            var lapses = time.GetElapsedTime(time.GetTimestamp(), _held.Values.Min());
            longest = lapses < longest ? lapses : longest;
            given = (_given ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }

        if (longest <= TimeSpan.Zero)
            return;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await Task.WhenAny(given, Task.Delay(longest, time, either.Token));
        await either.CancelAsync();
        cancel.ThrowIfCancellationRequested();
    }

    private void Wake()
    {
        _given?.TrySetResult();
        _given = null;
    }

    private long After(TimeSpan lasts) => time.GetTimestamp() + (long)(lasts.TotalSeconds * time.TimestampFrequency);
}

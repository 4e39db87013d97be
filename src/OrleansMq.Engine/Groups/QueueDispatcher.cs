using OrleansMq.Core.Groups;
using OrleansMq.Core.Limits;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Turns;

namespace OrleansMq.Engine.Groups;

/// <summary>
/// Hands the messages of all partitions to the consumers of one queue-style group: who may receive, how many, and from which partition next.
/// </summary>
/// <remarks>Invariant: a partition that may have something to deliver is flagged; the flag is cleared before it is asked, so that a signal while asking is not lost.</remarks>
public sealed partial class QueueDispatcher
{
    private readonly GroupName _group;
    private readonly TopicName _topic;
    private readonly TimeProvider _time;
    private readonly Func<int, ValueTask<IGroupPartition>> _open;
    private readonly Lock _gate = new();
    private bool[] _mayHave;

    /// <summary>Beside the flags, how often each was raised: where keys belong to consumers, one that finds nothing says nothing about what another would.</summary>
    private long[] _raised;
    private int[] _inFlight;

    /// <summary>Who holds leases in each partition; kept only where one consumer is active.</summary>
    private string?[] _holders;
    private readonly LinkedList<Signal> _waiting = new();
    private readonly Standby _standby = new();
    private readonly Dictionary<string, long> _seen = new(StringComparer.Ordinal);
    private readonly RememberedRequests _requests = new();
    private readonly EarlierRequests _earlier;
    private TokenBucket? _rate;
    private GroupSettings _settings;
    private int _reserved;
    private int _next;

    public QueueDispatcher(TopicName topic, GroupName group, GroupSettings settings, Releases releases, TimeProvider time, Func<int, ValueTask<IGroupPartition>> open)
    {
        (_topic, _group, _settings, _releases, _time, _open) = (topic, group, settings, releases, time, open);
        var partitions = releases.Partitions;
        _mayHave = new bool[partitions];
        _raised = new long[partitions];
        FlagAll();
        _inFlight = new int[partitions];
        _holders = new string?[partitions];
        _earlier = new EarlierRequests(group, partitions, time, open);
    }

    /// <summary>
    /// Asks all partitions how many leases are out, where they don't say so at once, and says whether all answered: called before the first is given out, and before a
    /// consumer is made to wait for others' leases. Null: they do say so at once.
    /// </summary>
    public Func<Task<bool>>? Recount { get; set; }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    public void SettingsChanged(GroupSettings settings)
    {
        lock (_gate)
            _settings = settings;
        WakeAll();
    }

    /// <summary>A partition may have something to deliver.</summary>
    public void Signal(int partition)
    {
        lock (_gate)
        {
            // One that came since is flagged when it is known here.
            if (partition >= _mayHave.Length)
                return;
            Flag(partition);
            FlagSuccessors(partition);
            WakeWhoMayTake();
        }
    }

    public void NoteInFlight(int partition, int count, string? holder)
    {
        lock (_gate)
        {
            if (partition >= _inFlight.Length)
                return;
            _holders[partition] = holder;
            var fewer = count < _inFlight[partition];
            _inFlight[partition] = count;
            if (fewer)
                WakeOne();
        }
    }

    public bool HasWaiting
    {
        get
        {
            lock (_gate)
                return _waiting.Count > 0;
        }
    }

    /// <summary>Consumers that polled in the last minute.</summary>
    public IReadOnlyList<GroupMember> Consumers()
    {
        lock (_gate)
        {
            var since = NowMs - 60_000;
            return [.. _seen.Where(seen => seen.Value >= since).Select(seen => new GroupMember(seen.Key, [], _settings.MaxActive is null || _standby.Active == seen.Key))];
        }
    }

    public async ValueTask<IReadOnlyList<Delivery>> Receive(ReceiveRequest request, CancellationToken cancel)
    {
        if (request.RequestId is not { } id)
            return await ReceiveOnce(request, [], cancel);
        while (true)
        {
            var (mine, answer) = _requests.Begin(id, NowMs);
            if (mine is not null)
                return await ReceiveFirst(mine, request, cancel);
            try
            {
                return await answer!.WaitAsync(cancel);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                // Its caller has gone and nothing was leased: this one is the first now.
            }
        }
    }

    private async ValueTask<IReadOnlyList<Delivery>> ReceiveFirst(RememberedRequests.Request mine, ReceiveRequest request, CancellationToken cancel)
    {
        try
        {
            // The reply may be lost, so the receiving itself is not cancelled with its first caller's connection once leases exist.
            var messages = await ReceiveAgain(request, mine.Places) ?? await ReceiveOnce(request, mine.Called, cancel);
            _requests.Answered(mine, messages);
            return messages;
        }
        catch (Exception error)
        {
            _requests.Failed(mine, error, NowMs + (long)(request.Lease ?? _settings.Lease).TotalMilliseconds);
            throw;
        }
    }

    /// <param name="called">Gets the partitions in which it may have leases.</param>
    private ValueTask<IReadOnlyList<Delivery>> ReceiveOnce(ReceiveRequest request, HashSet<int> called, CancellationToken cancel) =>
        request.Deferred.Count > 0 ? ReceiveDeferred(request, called, cancel) : ReceiveNew(request, called, cancel);

    private async ValueTask<IReadOnlyList<Delivery>> ReceiveNew(ReceiveRequest request, HashSet<int> called, CancellationToken cancel)
    {
        var deadline = _time.GetTimestamp() + (long)(request.Wait.TotalSeconds * _time.TimestampFrequency);
        // Where partitions say what they have by a call, that may be on its way still: nobody leaves empty-handed before all were asked.
        var askedAll = Recount is null;
        var known = _settings.SessionIdle is null ? null : new Raised();
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            await CountFirst();
            var (allowed, retryMs) = Reserve(request);
            if (allowed == 0 && Recount is { } recount && HasLeases)
            {
                await recount();
                (allowed, retryMs) = Reserve(request);
            }

            if (allowed > 0)
            {
                var messages = await Take(request, allowed, known, called);
                if (messages.Count > 0)
                    return messages;
                if (!askedAll)
                {
                    askedAll = true;
                    lock (_gate)
                        FlagAll();
                    continue;
                }
            }

            var left = TimeSpan.FromSeconds((double)(deadline - _time.GetTimestamp()) / _time.TimestampFrequency);
            if (left <= TimeSpan.Zero)
                return [];
            if (!await WaitForSignal(retryMs > 0 && retryMs < left.TotalMilliseconds ? TimeSpan.FromMilliseconds(retryMs) : left, allowed > 0, known, cancel) && retryMs == 0)
                return [];
        }
    }

    /// <summary>How many messages this consumer may have now; they count as in flight until <see cref="Take"/> gives back the rest.</summary>
    private (int Allowed, long RetryMs) Reserve(ReceiveRequest request)
    {
        lock (_gate)
        {
            var nowMs = NowMs;
            Seen(request.Consumer, nowMs);
            if (_settings.Paused)
                return (0, 0);
            if (_settings.MaxActive is not null)
            {
                var admitted = _standby.MayReceive(request.Consumer, nowMs, Array.Find(_holders, holder => holder is not null));
                _standby.Polled(request.Consumer, nowMs, (long)request.Wait.TotalMilliseconds, admitted);
                if (!admitted)
                    return (0, Standby.IdleMs / 4);
            }

            var allowed = Math.Min(request.Max, _settings.MaxInFlight - InFlight - _reserved);
            if (allowed <= 0)
                return (0, _settings.SessionIdle is null ? 0 : FullRetryMs);
            if (_settings.RatePerSecond is { } rate)
            {
                _rate ??= new TokenBucket(rate, nowMs);
                if (_rate.RatePerSecond != rate)
                    _rate.Change(rate, nowMs);
                allowed = _rate.TakeUpTo(allowed, nowMs, out var waitMs);
                if (allowed == 0)
                    return (0, Math.Max(1, waitMs));
            }
            else
            {
                _rate = null;
            }

            _reserved += allowed;
            return (allowed, 0);
        }
    }

    private bool HasLeases
    {
        get
        {
            lock (_gate)
                return InFlight > 0;
        }
    }

    private int InFlight => _inFlight.Sum();

    private void Seen(string consumer, long nowMs)
    {
        if (consumer.Length == 0)
            return;
        if (_seen.Count >= 10_000)
            foreach (var old in _seen.Where(seen => seen.Value < nowMs - 60_000).ToList())
                _seen.Remove(old.Key);
        _seen[consumer] = nowMs;
    }

    private async ValueTask<IReadOnlyList<Delivery>> Take(ReceiveRequest request, int allowed, Raised? known, HashSet<int> called)
    {
        var deliveries = new List<Delivery>();
        var left = allowed;
        MqException? failure = null;
        try
        {
            for (var looked = 0; looked < _mayHave.Length && left > 0; looked++)
            {
                if (NextFlagged(known) is not { } partition)
                    break;
                try
                {
                    left -= await TakeFrom(partition, request, left, deliveries, called);
                }
                catch (MqException unavailable) when (unavailable.Code is ErrorCodes.PartitionUnavailable or ErrorCodes.PartitionDamaged or ErrorCodes.DiskFull)
                {
                    // The others go on; this one is asked again when it signals, or when the flags are set anew.
                    failure = unavailable;
                }
                catch (MqException silent) when (silent.Code == ErrorCodes.OutcomeUnknown && deliveries.Count > 0)
                {
                    // What the others gave goes out while its leases last; who waits for another that is silent may wait too long.
                    break;
                }
                catch (MqException) when (deliveries.Count > 0)
                {
                    // So it does whatever the reason. It is told to who finds nothing besides.
                    lock (_gate)
                        Flag(partition);
                    break;
                }
            }
        }
        finally
        {
            GiveBack(allowed, left);
        }

        // Of several partitions each gave what was redriven first, and then its highest.
        if (_settings.Priority && _mayHave.Length > 1)
            deliveries = [.. deliveries.OrderByDescending(delivery => delivery.Lease.Lane != Lane.Main).ThenByDescending(delivery => delivery.Priority ?? Message.DefaultPriority)];
        return deliveries.Count == 0 && failure is not null && _mayHave.Length == 1 ? throw failure : deliveries;
    }

    /// <summary>The reservation ends; of the rate what was not taken comes back.</summary>
    private void GiveBack(int reserved, int left)
    {
        lock (_gate)
        {
            _reserved -= reserved;
            if (left > 0)
                _rate?.GiveBack(left);
            if (_settings.SessionIdle is null && AnyFlagged(null))
                WakeOne();
        }
    }

    /// <returns>False when the time was over.</returns>
    private async ValueTask<bool> WaitForSignal(TimeSpan wait, bool couldTake, Raised? known, CancellationToken cancel)
    {
        var signal = new Signal();
        lock (_gate)
        {
            if (couldTake && AnyFlagged(known))
                return true;
            _waiting.AddLast(signal);
            BeginLooking();
        }

        var woken = false;
        try
        {
            return woken = await signal.Wait(wait, _time, cancel);
        }
        finally
        {
            lock (_gate)
            {
                _waiting.Remove(signal);
                // It was woken and can't go: the next one in line may.
                if (woken && cancel.IsCancellationRequested)
                    WakeOne();
            }
        }
    }
}

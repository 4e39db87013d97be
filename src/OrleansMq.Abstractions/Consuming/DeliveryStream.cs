using System.Diagnostics.CodeAnalysis;

namespace OrleansMq;

/// <summary>
/// A consumer's deliveries, from the broker to its workers and back: receives ahead of them, extends what they hold, and settles what they are
/// done with.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing; who still looks at its token may do so.")]
internal sealed class DeliveryStream
{
    private const int MaxReceive = 10_000;
    private const int MaxPrefetch = 4_096;

    // Beyond so many verdicts without an answer nothing more is received.
    private const int MaxUnanswered = 20_000;

    // How long closing waits for an answer that was under way.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(5);

    // Waiting messages are to be handled within this time, where the prefetch chooses itself.
    private static readonly TimeSpan PrefetchSpan = TimeSpan.FromMilliseconds(250);

    private readonly IBroker _broker;
    private readonly TopicName _topic;
    private readonly GroupName _group;
    private readonly QueueConsumerOptions _options;
    private readonly string _consumer;

    /// <summary>Null: the group stays, and is made by first use.</summary>
    private readonly EphemeralGroup? _ephemeral;

    /// <summary>Begins each request id: a consumer that is started again under its name makes new requests.</summary>
    private readonly string _stream = Guid.NewGuid().ToString("N");
    private readonly TimeProvider _time;
    private readonly BrokerCalls _calls;
    private readonly Settlements _settlements;
    private readonly ReadyLeases _ready = new();
    private readonly CancellationTokenSource _stopReceiving = new();
    private readonly CancellationTokenSource _stopExtending = new();

    private readonly Lock _sync = new();

    // Not settled yet: waiting or being handled.
    private readonly Dictionary<LeaseId, HeldLease> _held = [];

    // Set when a lease was let go while the receiver waits for that.
    private TaskCompletionSource? _room;

    // Leases held at once; grows where workers wait for messages.
    private int _prefetch;

    private long _received;

    // Leases let go, and when and how many at the last look, for the rate.
    private long _left;
    private long _leftBefore;
    private long _lookedAt;

    // Of a lease, once the group is known.
    private TimeSpan _lease;

    // Its answer has not come: the broker may have leased to it.
    private ReceiveRequest? _unanswered;

    private Task _receiving = Task.CompletedTask;
    private Task _extending = Task.CompletedTask;

    public DeliveryStream(IBroker broker, TopicName topic, GroupName group, QueueConsumerOptions options, TimeProvider time, EphemeralGroup? ephemeral = null)
    {
        options.Check();
        (_broker, _topic, _group, _options, _time, _ephemeral) = (broker, topic, group, options, time, ephemeral);
        _consumer = options.Consumer.Length > 0 ? options.Consumer : $"c-{Guid.NewGuid():N}";
        _prefetch = options.Prefetch ?? options.StandardPrefetch;
        _calls = new BrokerCalls(new Backoff(options.RetryDelay, options.MaxRetryDelay, options.RetrySeed), time, options.OnError);
        _settlements = new Settlements(broker, topic, group, _calls);
        _lookedAt = time.GetTimestamp();
    }

    public TopicName Topic => _topic;

    public GroupName Group => _group;

    public ReadyLeases Ready => _ready;

    public BrokerCalls Calls => _calls;

    public ConsumerStatistics Statistics => _settlements.Statistics with { Received = Interlocked.Read(ref _received), Errors = _calls.Errors };

    public void Start() => _receiving = Receive();

    /// <summary>The worker is done with it.</summary>
    public void Settle(HeldLease held, in Verdict verdict)
    {
        LetGo(held, verdict);
        foreach (var behind in _ready.Leave(held, verdict.Kind == SettlementKind.Acknowledge && !held.IsLost))
            LetGo(behind, Verdict.Return);
    }

    /// <summary>Receives no more, and gives back what nobody has begun.</summary>
    public async Task StopReceiving()
    {
        _stopReceiving.Cancel();
        await _receiving;
        var waiting = _ready.Close().ToList();
        // First, so that it gets none of those that are given back.
        await GiveBackUnanswered();
        foreach (var held in waiting)
            LetGo(held, Verdict.Return);
    }

    /// <summary>What an answer carried that was under way when receiving stopped is asked for under the same id and given back, instead of lapsing.</summary>
    private async Task GiveBackUnanswered()
    {
        if (_unanswered is not { } request)
            return;
        try
        {
            var answer = _broker.Receive(_topic, _group, request with { Max = 1, Wait = TimeSpan.Zero }, _calls.Abandoned).AsTask();
            foreach (var delivery in await answer.WaitAsync(AnswerPatience, _time))
                _settlements.Add(delivery.Lease, Verdict.Return);
        }
        catch (Exception e)
        {
            // The leases lapse, and the messages are delivered again.
            _calls.Report(e);
        }
    }

    /// <summary>To be called when the workers are done: waits for the last settlements.</summary>
    public async Task Finish(TimeSpan patience)
    {
        _stopExtending.Cancel();
        await _extending;
        try
        {
            await _settlements.Settled().WaitAsync(patience, _time);
        }
        catch (TimeoutException e)
        {
            _calls.Report(e);
        }

        _calls.Abandon();
    }

    private void LetGo(HeldLease held, in Verdict verdict)
    {
        TaskCompletionSource? room;
        bool lost;
        lock (_sync)
        {
            lost = held.IsLost;
            _held.Remove(held.Delivery.Lease);
            _left++;
            room = HasRoom ? _room : null;
            if (room is not null)
                _room = null;
        }

        if (!lost)
            _settlements.Add(held.Delivery.Lease, verdict);
        room?.TrySetResult();
    }

    // Not for every single lease: a quarter at a time, so that receiving costs a call for many.
    private bool HasRoom => _prefetch - _held.Count >= Math.Max(1, _prefetch / 4);

    private async Task Receive()
    {
        var stop = _stopReceiving.Token;
        try
        {
            for (long number = 0; ; number++)
            {
                var request = new ReceiveRequest
                {
                    Max = await Room(stop),
                    Wait = _options.ReceiveWait,
                    Lease = _options.Lease,
                    Consumer = _consumer,
                    RequestId = $"{_stream}-{number}",
                    GroupId = _ephemeral?.Id,
                };
                var deliveries = await Receive(request, stop);
                await LearnGroup();
                Take(request, deliveries);
            }
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
        }
    }

    /// <summary>Repeats the request under its id, so that a lost answer costs nothing. Even a refusal may get better: somebody makes the topic.</summary>
    private async Task<IReadOnlyList<Delivery>> Receive(ReceiveRequest request, CancellationToken stop)
    {
        for (var failures = 1; ; failures++)
        {
            stop.ThrowIfCancellationRequested();
            try
            {
                if (_ephemeral is not null && _ephemeral.Id != request.GroupId)
                    request = request with { GroupId = _ephemeral.Id };
                _unanswered = request;
                var deliveries = await _broker.Receive(_topic, _group, request, stop);
                _unanswered = null;
                _ephemeral?.Received();
                return deliveries;
            }
            catch (MqException gone) when (gone.Code == ErrorCodes.GroupUnknown && _ephemeral is not null && !stop.IsCancellationRequested)
            {
                _unanswered = null;
                if (!await JoinAgain(_ephemeral, stop))
                    await _calls.Pause(failures, gone, stop);
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                if (e is MqException { Code: not ErrorCodes.OutcomeUnknown })
                    _unanswered = null;
                _calls.Report(e);
                await _calls.Pause(failures, e, stop);
            }
        }
    }

    /// <summary>What is held is of the group that is gone: handlers finish, and nobody settles it.</summary>
    private async Task<bool> JoinAgain(EphemeralGroup group, CancellationToken stop)
    {
        try
        {
            if (!await group.JoinAgain(stop))
                return false;
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            _calls.Report(e);
            return false;
        }

        lock (_sync)
            foreach (var held in _held.Values)
                held.IsLost = true;
        return true;
    }

    private async Task<int> Room(CancellationToken stop)
    {
        while (true)
        {
            Task room;
            lock (_sync)
            {
                if (HasRoom && _settlements.Unanswered < MaxUnanswered)
                    return Math.Min(_prefetch - _held.Count, MaxReceive);
                room = HasRoom ? _settlements.Settled() : (_room ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await room.WaitAsync(stop);
        }
    }

    /// <summary>Learns the group's settings once; it exists after the first receive. Until that succeeds, the safe order is kept.</summary>
    private async Task LearnGroup()
    {
        if (_lease > TimeSpan.Zero)
            return;
        try
        {
            var group = await _broker.DescribeGroup(_topic, _group, _calls.Abandoned);
            _ready.ByKey = group.Settings.ByKey;
            _lease = _options.Lease ?? group.Settings.Lease;
            if (_options.AutoExtend)
                _extending = Extend();
        }
        catch (Exception e)
        {
            _calls.Report(e);
            _ready.ByKey = true;
        }
    }

    private void Take(ReceiveRequest request, IReadOnlyList<Delivery> deliveries)
    {
        Interlocked.Add(ref _received, deliveries.Count);
        var now = _time.GetTimestamp();
        Adapt(now, gotAll: deliveries.Count == request.Max);
        foreach (var delivery in deliveries)
        {
            var held = new HeldLease(delivery) { Since = now };
            lock (_sync)
                if (!_held.TryAdd(delivery.Lease, held))
                    continue;
            _ready.Add(held);
        }
    }

    /// <summary>More where workers had nothing to do until this answer came, less where what waits would wait for long.</summary>
    private void Adapt(long now, bool gotAll)
    {
        if (_options.Prefetch is not null)
            return;
        lock (_sync)
        {
            var seconds = _time.GetElapsedTime(_lookedAt, now).TotalSeconds;
            var rate = seconds > 0 ? (_left - _leftBefore) / seconds : double.MaxValue;
            (_lookedAt, _leftBefore) = (now, _left);
            if (gotAll && _held.Count < _options.StandardPrefetch / 2 && _prefetch * 2.0 <= rate * PrefetchSpan.TotalSeconds)
                _prefetch = Math.Min(_prefetch * 2, Math.Max(MaxPrefetch, _options.StandardPrefetch));
            else if (_prefetch > 4 * rate * PrefetchSpan.TotalSeconds)
                _prefetch = Math.Max(_prefetch / 2, _options.StandardPrefetch);
        }
    }

    private async Task Extend()
    {
        var stop = _stopExtending.Token;
        try
        {
            while (true)
            {
                await Task.Delay(_lease / 8, _time, stop);
                var due = Due(_time.GetTimestamp());
                foreach (var part in due.Chunk(MaxReceive))
                    await Extend(part);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
    }

    private List<HeldLease> Due(long now)
    {
        lock (_sync)
            return [.. _held.Values.Where(held => !held.IsLost && _time.GetElapsedTime(held.Since, now) >= _lease / 2)];
    }

    private async Task Extend(HeldLease[] due)
    {
        try
        {
            var now = _time.GetTimestamp();
            var results = await _broker.Settle(_topic, _group, Settlement.Extend([.. due.Select(held => held.Delivery.Lease)], _options.Lease), _stopExtending.Token);
            var lost = 0;
            lock (_sync)
            {
                for (var i = 0; i < due.Length; i++)
                {
                    due[i].Since = now;
                    // One that was settled meanwhile is unknown with good reason.
                    due[i].IsLost = !results[i].Ok && _held.ContainsKey(due[i].Delivery.Lease);
                    lost += due[i].IsLost ? 1 : 0;
                }
            }

            _settlements.CountLapsed(lost);
        }
        catch (Exception e) when (!_stopExtending.IsCancellationRequested)
        {
            // The next round tries again, well before the lease ends.
            _calls.Report(e);
        }
    }
}

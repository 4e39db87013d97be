namespace OrleansMq.Abstractions.Tests;

/// <summary>One queue in memory: first in, first out, with leases that end when the story says so. Scripts spoil single calls, by number from 0.</summary>
internal sealed class QueueBroker(GroupSettings? settings = null) : SilentBroker
{
    private readonly Lock _sync = new();
    private readonly LinkedList<(StoredMessage Message, int Deliveries)> _waiting = new();
    private readonly Dictionary<LeaseId, (StoredMessage Message, int Deliveries)> _leased = [];
    private readonly Dictionary<string, IReadOnlyList<Delivery>> _answered = [];
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _offset;
    private int _receives;
    private int _settles;

    public Func<int, Fault?> ReceiveScript { get; set; } = _ => null;
    public Func<int, Settlement, Fault?> SettleScript { get; set; } = (_, _) => null;

    /// <summary>Answers to receives that wait stay under way until it ends; who cancels meanwhile does not hear of its leases.</summary>
    public Task? AnswersAfter { get; set; }

    public List<ReceiveRequest> Receives { get; } = [];
    public List<Settlement> Settlements { get; } = [];
    public HashSet<long> Acknowledged { get; } = [];
    public Dictionary<long, string> DeadLetters { get; } = [];

    public int Leased
    {
        get
        {
            lock (_sync)
                return _leased.Count;
        }
    }

    public void Post(int count, Func<long, string>? key = null)
    {
        lock (_sync)
        {
            for (var i = 0; i < count; i++, _offset++)
                _waiting.AddLast((new StoredMessage
                {
                    Position = new(0, _offset),
                    Timestamp = default,
                    Key = key is null ? new ReadOnlyMemory<byte>?() : System.Text.Encoding.UTF8.GetBytes(key(_offset)),
                }, 0));
            Signal(ref _arrived);
        }
    }

    /// <summary>As when its time has passed: it is free again, and settling it is refused.</summary>
    public void Lapse(LeaseId lease)
    {
        lock (_sync)
        {
            _leased.Remove(lease, out var entry);
            _waiting.AddFirst(entry);
            Signal(ref _arrived);
        }
    }

    /// <summary>Ends when the broker's state is so; looked at after each settlement.</summary>
    public async Task Until(Func<QueueBroker, bool> state)
    {
        while (true)
        {
            Task settled;
            lock (_sync)
            {
                if (state(this))
                    return;
                settled = _settled.Task;
            }

            await settled;
        }
    }

    public override ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => new(new GroupDescription
    {
        Name = group,
        Settings = settings ?? new(),
        Declared = true,
        Partitions = [],
        Members = [],
        Generation = 0,
    });

    public override async ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default)
    {
        Fault? fault;
        lock (_sync)
        {
            Receives.Add(request);
            fault = ReceiveScript(_receives++);
        }

        if (fault is { AfterStoring: false })
            throw fault.Error;
        IReadOnlyList<Delivery> deliveries;
        while (!TryLease(request, out deliveries, out var arrived) && request.Wait > TimeSpan.Zero)
            await arrived.WaitAsync(cancel);
        if (request.Wait > TimeSpan.Zero && AnswersAfter is { } gate)
            await gate.WaitAsync(cancel);
        return fault is null ? deliveries : throw fault.Error;
    }

    public override async ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default)
    {
        await Task.Yield();
        lock (_sync)
        {
            Settlements.Add(settlement);
            var fault = SettleScript(_settles++, settlement);
            if (fault is { AfterStoring: false })
                throw fault.Error;
            SettleResult[] results = [.. settlement.Leases.Select(lease => new SettleResult(lease, SettleOne(settlement, lease)))];
            Signal(ref _arrived);
            Signal(ref _settled);
            return fault is null ? results : throw fault.Error;
        }
    }

    private bool TryLease(ReceiveRequest request, out IReadOnlyList<Delivery> deliveries, out Task arrived)
    {
        lock (_sync)
        {
            arrived = _arrived.Task;
            if (_answered.TryGetValue(request.RequestId ?? "", out deliveries!))
                return true;
            List<Delivery> leased = [];
            while (leased.Count < request.Max && _waiting.First is { } first)
            {
                _waiting.RemoveFirst();
                var lease = new LeaseId(0, 0, 1, first.Value.Message.Position.Offset, first.Value.Deliveries + 1);
                _leased[lease] = (first.Value.Message, first.Value.Deliveries + 1);
                leased.Add(new Delivery
                {
                    Position = first.Value.Message.Position,
                    Timestamp = default,
                    Key = first.Value.Message.Key,
                    Lease = lease,
                    LeaseUntil = default,
                    DeliveryCount = first.Value.Deliveries + 1,
                });
            }

            deliveries = leased;
            if (leased.Count > 0 && request.RequestId is { } id)
                _answered[id] = leased;
            return leased.Count > 0;
        }
    }

    private string? SettleOne(Settlement settlement, LeaseId lease)
    {
        if (settlement.Kind == SettlementKind.Extend)
            return _leased.ContainsKey(lease) ? null : ErrorCodes.LeaseLapsed;
        if (!_leased.Remove(lease, out var entry))
            return ErrorCodes.LeaseUnknown;
        switch (settlement.Kind)
        {
            case SettlementKind.Acknowledge:
                Assert.True(Acknowledged.Add(lease.Offset));
                break;
            case SettlementKind.DeadLetter:
                DeadLetters[lease.Offset] = settlement.Reason!;
                break;
            default:
                _waiting.AddFirst(entry);
                break;
        }

        return null;
    }

    private static void Signal(ref TaskCompletionSource source)
    {
        source.TrySetResult();
        source = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

namespace OrleansMq;

/// <summary>
/// Sends a consumer's verdicts to the broker: while one call is in flight the next ones gather, so that acknowledging one by one costs a call for
/// many. What fails is repeated until it is answered; a lease that lapsed meanwhile is counted.
/// </summary>
internal sealed class Settlements(IBroker broker, TopicName topic, GroupName group, BrokerCalls calls)
{
    private const int MaxLeasesInACall = 10_000;

    private readonly Lock _sync = new();
    private Dictionary<Verdict, List<LeaseId>> _pending = [];
    private bool _sending;
    private TaskCompletionSource? _idle;

    private long _acknowledged;
    private long _refused;
    private long _deadLettered;
    private long _lapsed;

    /// <summary>Verdicts that the broker has not answered.</summary>
    public int Unanswered { get; private set; }

    public ConsumerStatistics Statistics
    {
        get
        {
            lock (_sync)
                return new(0, _acknowledged, _refused, _deadLettered, _lapsed, 0);
        }
    }

    public void Add(LeaseId lease, in Verdict verdict)
    {
        lock (_sync)
        {
            if (!_pending.TryGetValue(verdict, out var leases))
                _pending[verdict] = leases = [];
            leases.Add(lease);
            Unanswered++;
            if (_sending)
                return;
            _sending = true;
        }

        _ = Send();
    }

    public void CountLapsed(int leases)
    {
        lock (_sync)
            _lapsed += leases;
    }

    /// <summary>Ends when all verdicts are answered.</summary>
    public Task Settled()
    {
        lock (_sync)
            return _sending ? (_idle ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task : Task.CompletedTask;
    }

    private async Task Send()
    {
        while (Take() is { } verdicts)
            foreach (var (verdict, leases) in verdicts)
                foreach (var part in leases.Chunk(MaxLeasesInACall))
                    await Send(verdict, part);
    }

    private Dictionary<Verdict, List<LeaseId>>? Take()
    {
        lock (_sync)
        {
            if (_pending.Count > 0)
            {
                var taken = _pending;
                _pending = [];
                return taken;
            }

            _sending = false;
            _idle?.TrySetResult();
            _idle = null;
            return null;
        }
    }

    private async Task Send(Verdict verdict, LeaseId[] leases)
    {
        var settlement = new Settlement { Kind = verdict.Kind, Leases = leases, Delay = verdict.Delay, Reason = verdict.Reason };
        var ok = 0;
        var repeated = false;
        try
        {
            var results = await calls.Persist(() => broker.Settle(topic, group, settlement, calls.Abandoned), onError: () => repeated = true);
            // What an answer that was lost had settled already is unknown the second time.
            ok = results.Count(result => result.Ok || (repeated && result.Code == ErrorCodes.LeaseUnknown));
        }
        catch (Exception e)
        {
            // It will not get better: the leases lapse, and the messages are delivered again.
            calls.Report(e);
        }

        lock (_sync)
        {
            Unanswered -= leases.Length;
            _lapsed += leases.Length - ok;
            _acknowledged += verdict.Kind == SettlementKind.Acknowledge ? ok : 0;
            _refused += verdict.Kind == SettlementKind.Refuse ? ok : 0;
            _deadLettered += verdict.Kind == SettlementKind.DeadLetter ? ok : 0;
        }
    }
}

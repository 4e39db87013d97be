namespace OrleansMq;

/// <summary>
/// Sends a consumer's verdicts to the broker: while one call is in flight the next ones gather, so that acknowledging one by one costs a call for
/// many. What fails is repeated until it is answered; a lease that lapsed meanwhile is counted.
/// </summary>
internal sealed class Settlements(IBroker broker, TopicName topic, GroupName group, BrokerCalls calls)
{
    private const int MaxLeasesInACall = 10_000;

    // The largest states of so many are what one settlement may carry.
    private const int MaxStatesInACall = SessionChange.MaxBytesAtOnce / SessionChange.MaxStateBytes;

    private readonly Lock _sync = new();
    private Dictionary<Verdict, List<LeaseId>> _pending = [];

    // Acknowledgements that set the state of a key.
    private List<SessionChange> _sessions = [];
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
            if (verdict.Session is { } session)
                _sessions.Add(session);
            else if (_pending.TryGetValue(verdict, out var leases))
                leases.Add(lease);
            else
                _pending[verdict] = [lease];
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
        while (Take() is { } taken)
        {
            foreach (var part in taken.Sessions.Chunk(MaxStatesInACall))
                await Send(Verdict.Acknowledge, [.. part.Select(session => session.Lease)], part);
            foreach (var (verdict, leases) in taken.Verdicts)
                foreach (var part in leases.Chunk(MaxLeasesInACall))
                    await Send(verdict, part, []);
        }
    }

    private (Dictionary<Verdict, List<LeaseId>> Verdicts, List<SessionChange> Sessions)? Take()
    {
        lock (_sync)
        {
            if (_pending.Count + _sessions.Count > 0)
            {
                var taken = (_pending, _sessions);
                (_pending, _sessions) = ([], []);
                return taken;
            }

            _sending = false;
            _idle?.TrySetResult();
            _idle = null;
            return null;
        }
    }

    private async Task Send(Verdict verdict, LeaseId[] leases, SessionChange[] sessions)
    {
        var settlement = new Settlement { Kind = verdict.Kind, Leases = leases, Delay = verdict.Delay, Reason = verdict.Reason, Sessions = sessions };
        var (ok, given) = (0, 0);
        var repeated = false;
        try
        {
            var results = await calls.Persist(() => broker.Settle(topic, group, settlement, calls.Abandoned), onError: () => repeated = true);
            // What an answer that was lost had settled already is unknown the second time.
            ok = results.Count(result => result.Ok || (repeated && result.Code == ErrorCodes.LeaseUnknown));
            given = sessions.Length == 0 ? 0 : results.Count(GivesBack);
        }
        catch (Exception e)
        {
            // It will not get better: the leases lapse, and the messages are delivered again.
            calls.Report(e);
        }

        lock (_sync)
        {
            Unanswered -= leases.Length;
            _lapsed += leases.Length - ok - given;
            _acknowledged += verdict.Kind == SettlementKind.Acknowledge ? ok : 0;
            _refused += verdict.Kind == SettlementKind.Refuse ? ok : 0;
            _deadLettered += verdict.Kind == SettlementKind.DeadLetter ? ok : 0;
        }
    }

    /// <summary>What was not acknowledged because of its state is under its lease still, and is to be handled again.</summary>
    private bool GivesBack(SettleResult result)
    {
        if (result.Code is not (ErrorCodes.SessionMoved or ErrorCodes.SessionsFull or ErrorCodes.KeyMissing))
            return false;
        if (result.Code != ErrorCodes.SessionMoved)
            calls.Report(new MqException(result.Code, $"A message of topic '{topic}' could not be acknowledged with a state of its key, in group '{group}': {result.Code}."));
        Add(result.Lease, result.Code == ErrorCodes.SessionMoved ? Verdict.Return : Verdict.Refuse(null));
        return true;
    }
}

using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>
/// One subscription's way through its stream in this partition. It has a queue of its own, so that a slow subscriber holds up nobody else; what does not
/// fit is left in the log and read again.
/// </summary>
/// <remarks>
/// Used on the agent's scheduler only. The agent asks for the next batch when the last one is settled; after a refusal it says so first
/// (<see cref="RecordDeliveryFailure"/>), and is then given nothing until the event's back-off is over. The cursor never throws and is never "missed": to
/// either the agent would answer by going elsewhere in the stream.
/// </remarks>
internal sealed class StreamCursor : IQueueCacheCursor
{
    private const long Never = -1;

    // The cursor whose delivery has just failed on this thread: the agent tells the subscriber of it before it awaits anything.
    [ThreadStatic]
    private static StreamCursor? s_justFailed;

    private readonly PartitionFeed _feed;
    private readonly EventQueue _queue = new();

    // A token of another partition stands first, empty, so that the agent, which advances past the subscriber's token, skips nothing of ours.
    private StreamSequenceToken? _echo;

    // Whoever asked for this event by its token gets it alone: the agent steps over exactly one batch when the subscriber had it.
    private readonly long _singleAt;

    // Events up to here go one by one, because a batch that held them was refused.
    private long _singlesUpTo = Never;

    private StreamBatch? _current;
    private int _inCurrent;
    private bool _isRefused;
    private bool _isDisposed;
    private bool _wasUsed;
    private long _retryAt;
    private int _troubles;

    // What is in delivery is of a log that is gone: of the one that is there now, nothing from here on is settled.
    private long _goneBackTo = long.MaxValue;
    private Exception? _fault;

    public StreamCursor(PartitionFeed feed, StreamEntry entry, long start, long singleAt, StreamSequenceToken? echo, bool isRegistration)
    {
        (_feed, Entry, From, To, _singleAt, _echo, IsRegistration) = (feed, entry, start, start, singleAt, echo, isRegistration);
        Start = start;
        LastProgress = feed.Now;
    }

    public PartitionFeed Feed => _feed;

    public StreamEntry Entry { get; }

    public long Start { get; private set; }

    /// <summary>The agent opened it where its own news began, not where a subscriber asked.</summary>
    public bool IsRegistration { get; }

    /// <summary>Whose it is; known from the first delivery on.</summary>
    public Guid? Subscription { get; set; }

    /// <summary>Every event of the stream from here up to <see cref="To"/> (to the feed's head, where live) is in the queue.</summary>
    public long From { get; private set; }

    /// <summary>Where reading goes on for a cursor that is not live.</summary>
    public long To { get; set; }

    /// <summary>It takes part in the feed's own reading; otherwise it is behind, and read for apart.</summary>
    public bool IsLive { get; set; }

    /// <summary>How often the present event was refused.</summary>
    public int Refusals { get; private set; }

    public bool IsDeadLettered { get; set; }

    /// <summary>The feed's time at which something was last settled.</summary>
    public long LastProgress { get; private set; }

    /// <summary>When it was last read for, so that all who are behind have their turn.</summary>
    public long LastServed { get; set; }

    public bool IsBackingOff => _isRefused && !IsDeadLettered && _feed.Now < _retryAt;

    public int Count => _queue.Count;

    public long Bytes => _queue.Bytes;

    public string Reason => _fault is null ? "refused" : $"{_fault.GetType().Name}: {_fault.Message}";

    public StreamEvent? RefusedEvent => _isRefused && _inCurrent > 0 ? _queue[0] : null;

    public StreamSequenceToken? CurrentToken => _current?.SequenceToken;

    public bool IsOnLastDelivery => Refusals >= _feed.Options.MaxDeliveries;

    public long? FirstUnsettled => _isDisposed ? null : _queue.Count > 0 ? Math.Min(_queue[0].Offset, _goneBackTo) : IsLive ? null : To;

    public IBatchContainer? GetCurrent(out Exception? exception)
    {
        exception = null;
        return _current;
    }

    public bool MoveNext() => Advance();

    public QueueCacheCursorMoveResult MoveNextWithResult() => Advance() ? QueueCacheCursorMoveResult.Success : QueueCacheCursorMoveResult.NoData;

    public void Refresh(StreamSequenceToken token)
    {
    }

    /// <summary>What the subscriber answered with; comes before <see cref="RecordDeliveryFailure"/>.</summary>
    public void Fault(Exception why) => _fault = why;

    public void RecordDeliveryFailure()
    {
        if (_isDisposed || _inCurrent == 0)
            return;
        _isRefused = true;
        s_justFailed = this;
        TimeSpan delay;
        if (_fault is null || DeliveryFilter.IsTrouble(_fault))
        {
            // The subscriber was not reached: no fault of the event.
            delay = TimeSpan.FromSeconds(Math.Min(30, Math.Pow(2, Math.Min(_troubles++, 5))) / 2);
        }
        else
        {
            var backoff = _feed.Options.EffectiveBackoff;
            if (_inCurrent > 1 && _current is { StoppedAt: >= 0 and var at } && at < _inCurrent)
                KeepOnly(at);
            if (_inCurrent > 1)
                _singlesUpTo = _queue[_inCurrent - 1].Offset;
            else
                Refusals++;
            delay = backoff[Math.Min(Math.Max(Refusals, 1), backoff.Count) - 1];
        }

        _retryAt = _feed.Now + _feed.Ticks(delay);
        _feed.RetryAt(this, _retryAt);
    }

    /// <summary>Whether the failure that is being told to the subscriber is of one of ours, and not yet the last.</summary>
    public static bool TakeFailureToHide()
    {
        var cursor = s_justFailed;
        s_justFailed = null;
        return cursor is { IsOnLastDelivery: false };
    }

    public void Dispose()
    {
        if (_isDisposed)
            return;
        var unsettled = FirstUnsettled;
        _isDisposed = true;
        _feed.Close(this, unsettled, _queue.Bytes, _wasUsed);
    }

    /// <summary>Takes an event that is next in its stream.</summary>
    /// <returns>False where there is no room: it stays in the log.</returns>
    public bool TryAdd(StreamEvent each, long room)
    {
        if (each.Offset < Start)
            return true;
        if (_queue.Count > 0 && _queue.Bytes + each.Size > room)
            return false;
        _queue.Add(each);
        _feed.Account(each.Size);
        return true;
    }

    /// <summary>Takes what another cursor of the stream holds, from the own start on.</summary>
    public void CopyFrom(StreamCursor other)
    {
        for (var i = 0; i < other._queue.Count; i++)
            if (other._queue[i].Offset >= Start)
                Take(other._queue[i]);
        (IsLive, To) = (other.IsLive, Math.Max(Start, other.To));
    }

    public void CopyFrom(IReadOnlyList<StreamEvent> fresh)
    {
        foreach (var each in fresh)
            if (each.Offset >= Start)
                Take(each);
        IsLive = true;
    }

    /// <summary>Lets go of what has not been handed out; it is read again when its turn comes.</summary>
    /// <returns>How many events.</returns>
    public int Spill()
    {
        var kept = Math.Max(_inCurrent, 1);
        var dropped = _queue.Count - kept;
        if (dropped <= 0)
            return 0;
        (To, IsLive) = (_queue[kept].Offset, false);
        _feed.Account(-_queue.RemoveFrom(kept));
        return dropped;
    }

    /// <summary>The log ends here, and goes on with other events: what was not handed out is read from there.</summary>
    /// <returns>Whether it is behind now.</returns>
    public bool GoBackTo(long offset)
    {
        var isBehind = Spill() > 0 || !IsLive;
        (Start, From, To) = (Math.Min(Start, offset), Math.Min(From, offset), Math.Min(To, offset));
        if (_queue.Count > 0)
            _goneBackTo = offset;
        return isBehind;
    }

    /// <summary>What lies below was settled by this subscription before the feed was opened.</summary>
    public void SkipTo(long offset)
    {
        var settled = _inCurrent;
        while (settled < _queue.Count && _queue[settled].Offset < offset)
            settled++;
        _inCurrent = settled;
    }

    private void Take(StreamEvent each)
    {
        _queue.Add(each);
        _feed.Account(each.Size);
    }

    private bool Advance()
    {
        if (_isDisposed)
            return false;
        _wasUsed = true;
        if (_isRefused && !IsDeadLettered)
        {
            if (IsBackingOff)
                return false;
            return Form();
        }

        Settle();
        if (_echo is { } token)
        {
            (_echo, _current) = (null, _feed.Batch(this, token));
            return true;
        }

        if (_queue.Count > 0)
            return Form();
        _current = null;
        _feed.RanDry(this);
        return false;
    }

    /// <summary>The subscriber took what lies before an event of the batch, and refused that one.</summary>
    private void KeepOnly(int refused)
    {
        if (refused > 0)
            SettleFirst(refused);
        (_inCurrent, _singlesUpTo) = (1, _queue[0].Offset);
    }

    private void SettleFirst(int count)
    {
        From = _queue[count - 1].Offset + 1;
        _goneBackTo = long.MaxValue;
        _feed.Account(-_queue.RemoveFirst(count));
        LastProgress = _feed.Now;
        _feed.IsDirty = true;
    }

    private void Settle()
    {
        if (_inCurrent > 0)
            SettleFirst(_inCurrent);
        (_inCurrent, _isRefused, IsDeadLettered, Refusals, _troubles, _fault) = (0, false, false, 0, 0, null);
    }

    private bool Form()
    {
        _isRefused = false;
        _fault = null;
        var count = 1;
        var bytes = (long)_queue[0].Size;
        if (_queue[0].Offset > _singlesUpTo && _queue[0].Offset != _singleAt && !_feed.MustGoAlone(this, _queue[0].Offset))
        {
            while (count < _queue.Count && _queue[count].Log == _queue[0].Log && count < _feed.Options.MaxBatchEvents && (bytes += _queue[count].Size) <= _feed.Options.MaxBatchBytes)
                count++;
        }

        _inCurrent = count;
        _current = _feed.Batch(this, _queue.First(count));
        return true;
    }
}

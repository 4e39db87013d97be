using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>
/// One partition, as its agent sees it: the receiver that it polls and the cache that it opens cursors in. Events go from the log straight into the queues of
/// those who subscribe; what the agent gets from a poll is only word of which streams have news.
/// </summary>
/// <remarks>
/// Everything runs on the agent's scheduler, one turn at a time. A poll waits in the broker until there is something, so that an arrival is told at once.
/// Three things end it: events at the head, events read for a cursor that is behind, and a back-off that is over. The latter two reach the agent as news of
/// the stream too: it then runs the cursors that it had put to sleep.
/// </remarks>
internal sealed partial class PartitionFeed : IQueueAdapterReceiver, IQueueCache
{
    private static readonly TimeSpan PollWait = TimeSpan.FromMilliseconds(500);

    private readonly string _provider;
    private readonly StreamTopic _topic;
    private readonly int _partition;
    private readonly StreamCodec _codec;
    private readonly TimeSpan _keepAlive;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ProgressStore _progress;
    private readonly DeadLetters _deadLetters;
    private readonly CancellationTokenSource _closing = new();

    // Streams that have news, with the offset of the first new event; the head's where the news is older.
    private readonly Dictionary<StreamEntry, long> _news = [];

    // Cursors whose event is refused, by the time at which it is due again.
    private readonly PriorityQueue<StreamCursor, long> _retries = new();

    private TaskCompletionSource _stirred = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Bytes in all queues.
    private long _bytes;
    private long _nextKeepAlive;
    private bool _isClosed;

    public PartitionFeed(
        string provider, StreamTopic topic, int partition, StreamCodec codec, OrleansMqStreamOptions options, TimeSpan streamInactivity, TimeProvider time, ILogger logger)
    {
        (_provider, _topic, _partition, _codec, Options, _time, _logger) = (provider, topic, partition, codec, options, time, logger);
        _keepAlive = streamInactivity / 4;
        _progress = new ProgressStore(topic, partition, time);
        _deadLetters = new DeadLetters(topic, codec.Keys, time);
    }

    public OrleansMqStreamOptions Options { get; }

    public TopicName Topic => _topic.Name;

    public GroupName Group => _topic.Group;

    public long Now => _time.GetTimestamp();

    public long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);

    public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

    Task<IList<IBatchContainer>> IQueueAdapterReceiver.GetQueueMessagesAsync(int maxCount) => GetQueueMessagesAsync(maxCount, CancellationToken.None);

    Task IQueueAdapterReceiver.MessagesDeliveredAsync(IList<IBatchContainer> messages) => Task.CompletedTask;

    public async Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount, CancellationToken cancellationToken)
    {
        if (_isClosed)
            return [];
        try
        {
            ForgetFresh();
            var until = Now + Ticks(PollWait);
            while (true)
            {
                if (await TryOpen(cancellationToken))
                {
                    TakeDue();
                    SaveWhenDue();
                    StartReading();
                    TakeWhatWasRead();
                }

                if (_news.Count > 0 || _isClosed || Now >= until)
                    return News();
                await WaitForWork(until, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested || _isClosed)
        {
            return [];
        }
    }

    public async Task Shutdown(TimeSpan timeout)
    {
        _isClosed = true;
        _stirred.TrySetResult();
        await SaveLast(timeout);
        await _closing.CancelAsync();
        await StopReading();
    }

    public int GetMaxAddCount() => QueueAdapterConstants.UNLIMITED_GET_QUEUE_MSG;

    /// <summary>The events are in their queues already.</summary>
    public void AddToCache(IList<IBatchContainer> messages)
    {
    }

    public bool TryPurgeFromCache(out IList<IBatchContainer> purgedItems)
    {
        purgedItems = [];
        return false;
    }

    /// <summary>Never: pressure would stop the whole partition for its slowest stream. A full cache spills those who stand still.</summary>
    public bool IsUnderPressure() => false;

    IQueueCacheCursor IQueueCache.GetCacheCursor(StreamId streamId, StreamSequenceToken? token) => OpenCursor(streamId, token);

    QueueCacheCursorResult<IQueueCacheCursor> IQueueCache.TryGetCacheCursor(StreamId streamId, StreamSequenceToken? token) =>
        QueueCacheCursorResult<IQueueCacheCursor>.FromCursor(OpenCursor(streamId, token));

    QueueCacheCursorResult<IQueueCacheCursor> IQueueCache.TryGetCacheCursorAtPosition(StreamId streamId, StreamSubscriptionStartPosition startPosition) =>
        QueueCacheCursorResult<IQueueCacheCursor>.FromCursor(startPosition == StreamSubscriptionStartPosition.EarliestAvailable
            ? OpenCursor(streamId, new OrleansMqSequenceToken(_partition, 0))
            : OpenCursor(streamId, null));

    public StreamBatch Batch(StreamCursor cursor, StreamEvent[] events) => new(_provider, cursor.Entry.Stream, _partition, events, _codec, cursor);

    public StreamBatch Batch(StreamCursor cursor, StreamSequenceToken echo) => new(_provider, cursor.Entry.Stream, echo, _codec, cursor);

    public void Account(long bytes)
    {
        var wasFull = IsFull;
        _bytes += bytes;
        if (wasFull && !IsFull)
            _stirred.TrySetResult();
    }

    public void RetryAt(StreamCursor cursor, long at)
    {
        _retries.Enqueue(cursor, at);
        _stirred.TrySetResult();
    }

    /// <summary>A subscription's last failure: the event goes to dead letters, and the stream goes on.</summary>
    /// <remarks>The agent waits for it, for this subscription alone. Where the move fails, the event is delivered and moved again later.</remarks>
    public async Task MoveToDeadLetters(Guid subscription, StreamId stream, StreamSequenceToken? token)
    {
        if (!TryFindEntry(stream, out var entry) || entry.Cursors.Find(IsMeant) is not { RefusedEvent: { } refused } cursor)
            return;
        try
        {
            await _deadLetters.Move(stream, _partition, refused, subscription, cursor.Refusals, cursor.Reason);
            cursor.IsDeadLettered = true;
            _logger.LogWarning("Event {Position} of stream {Stream} went to {DeadLetters}: subscription {Subscription} refused it {Refusals} times, last with {Reason}",
                new Position(_partition, refused.Offset), stream, _topic.DeadLetters, subscription, cursor.Refusals, cursor.Reason);
        }
        catch (Exception e)
        {
            _logger.LogError(e, "Event {Position} of stream {Stream} can't be moved to {DeadLetters}; it is delivered again", new Position(_partition, refused.Offset), stream, _topic.DeadLetters);
        }

        bool IsMeant(StreamCursor each) => each.RefusedEvent is not null && each.IsOnLastDelivery && !each.IsDeadLettered
            && each.Subscription == subscription && Equals(each.CurrentToken, token);
    }

    private bool IsFull => _bytes >= Options.CacheBytes;

    private void TakeDue()
    {
        while (_retries.TryPeek(out var cursor, out var at) && at <= Now)
        {
            _retries.Dequeue();
            if (cursor.RefusedEvent is not null)
                Tell(cursor.Entry);
        }

        // The agent forgets a stream without news, and its cursors with it, however much they still hold.
        if (Now < _nextKeepAlive)
            return;
        _nextKeepAlive = Now + Ticks(_keepAlive);
        foreach (var entry in Entries)
            if (entry.FirstUnsettled is not null)
                Tell(entry);
    }

    /// <summary>The agent is to run the stream's cursors again, though there is nothing new at the head.</summary>
    private void Tell(StreamEntry entry) => _news.TryAdd(entry, _head);

    private IBatchContainer[] News()
    {
        if (_news.Count == 0)
            return [];
        var news = new IBatchContainer[_news.Count];
        var i = 0;
        foreach (var (entry, from) in _news)
        {
            // An agent that has forgotten the stream begins anew at the token.
            var start = Math.Min(from, entry.FirstLeft);
            news[i++] = new StreamNews(entry.Stream, new OrleansMqSequenceToken(_partition, start) { IsWakeUp = true });
        }

        _news.Clear();
        return news;
    }

    private async Task WaitForWork(long until, CancellationToken cancel)
    {
        if (_stirred.Task.IsCompleted)
        {
            _stirred = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return;
        }

        var wait = Shorter(TimeSpan.MaxValue, until);
        if (IsDirty && !IsSaving)
            wait = Shorter(wait, _nextSave);
        if (_retries.TryPeek(out _, out var due))
            wait = Shorter(wait, due);
        if (_readAgainAt > Now)
            wait = Shorter(wait, _readAgainAt);
        if (IsFull && wait > Options.StallAfter / 4)
            wait = Options.StallAfter / 4;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, _closing.Token);
        // A little more than asked: a timer that rings early would make us ask twice.
        var pause = Task.Delay(wait + TimeSpan.FromMilliseconds(1), _time, stop.Token);
        await Task.WhenAny([_stirred.Task, pause, .. Reading]);
        await stop.CancelAsync();
        cancel.ThrowIfCancellationRequested();
    }

    private TimeSpan Shorter(TimeSpan wait, long until)
    {
        var left = TimeSpan.FromSeconds(Math.Max(0, (double)(until - Now) / _time.TimestampFrequency));
        return left < wait ? left : wait;
    }

    /// <summary>Word that a stream has news; the agent looks at its name and at the token, and reads nothing.</summary>
    private sealed class StreamNews(StreamId stream, StreamSequenceToken token) : IBatchContainer
    {
        public StreamId StreamId => stream;

        public StreamSequenceToken SequenceToken => token;

        public IEnumerable<Tuple<T, StreamSequenceToken>> GetEvents<T>() => [];

        public bool ImportRequestContext() => false;
    }
}

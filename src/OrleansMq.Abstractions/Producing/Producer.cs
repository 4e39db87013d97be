using OrleansMq.Records;

namespace OrleansMq;

/// <summary>
/// Sends messages to a topic: gathers them into a batch for each partition, keeps their order, repeats what failed without storing it twice, and
/// holds back whoever sends faster than the broker takes. Thread-safe; make one for a topic and keep it.
/// </summary>
/// <remarks>
/// What one thread sends to one partition (one key) is stored in that order, also over failures. Unavailable, full and limited partitions and lost
/// answers are retried, without end unless <see cref="ProducerOptions.RetryFor"/> says otherwise; a refusal that does not get better fails its
/// message, and those behind it go on. Closing waits for what was accepted.
/// </remarks>
public sealed partial class Producer : IAsyncDisposable
{
    private const int MaxSpareBuilders = 16;

    private readonly IBroker _broker;
    private readonly TopicName _topic;
    private readonly ProducerOptions _options;
    private readonly TimeProvider _time;
    private readonly Backoff _backoff;
    private readonly CancellationTokenSource _closing = new();

    // Guards all that follows, the partitions and their batches. No call and no callback is made under it.
    private readonly Lock _sync = new();

    // Null until the topic is known.
    private ProducerPartition[]? _partitions;
    private int _maxMessageBytes;
    private ProducerIdentity _identity;
    private bool _opening;
    private uint _turn;

    // Bytes of the messages in batches. Never more than MaxBufferedBytes, but for a single message that is larger.
    private long _buffered;

    // Messages for which there was no room yet, in order.
    private readonly Queue<WaitingMessage> _waiting = new();

    // Partitions with something new to send, to be pumped once the lock is left.
    private readonly Queue<ProducerPartition> _stirred = new();

    // Somebody will pump soon: who only enqueues needn't.
    private bool _pumpIsComing;

    private readonly Stack<RecordBatchBuilder> _spareBuilders = new();

    // Why nothing is accepted any more.
    private MqException? _ended;
    private ProducerStatistics _statistics;

    public Producer(IBroker broker, TopicName topic, ProducerOptions? options = null, TimeProvider? time = null)
    {
        _broker = broker;
        _topic = topic;
        _options = (options ?? new()).Checked();
        _time = time ?? TimeProvider.System;
        _backoff = new Backoff(_options.RetryDelay, _options.MaxRetryDelay, _options.RetrySeed);
    }

    public ProducerStatistics Statistics
    {
        get
        {
            lock (_sync)
                return _statistics with { BufferedBytes = _buffered };
        }
    }

    /// <summary>Fenced, closed, or without an id: nothing is sent any more.</summary>
    internal bool HasEnded
    {
        get
        {
            lock (_sync)
                return _ended is not null;
        }
    }

    /// <summary>Sends a message; the task ends when it is stored, as durably as was asked.</summary>
    /// <param name="cancel">Takes the message back while it waits for room; later it only ends the waiting, and the outcome stays open.</param>
    /// <exception cref="MqException">It was refused for good.</exception>
    public Task<PublishResult> Send(Message message, CancellationToken cancel = default) =>
        MessageTracing.IsOn ? MessageTracing.Sending(_topic, 1, () => SendNow(MessageTracing.Stamped(message), cancel)) : SendNow(message, cancel);

    private Task<PublishResult> SendNow(Message message, CancellationToken cancel)
    {
        try
        {
            var completion = new TaskCompletionSource<PublishResult>(TaskCreationOptions.RunContinuationsAsynchronously);
            Accept(Outgoing.Of(message, new PendingMessage(completion, message)), cancel);
            return cancel.CanBeCanceled ? completion.Task.WaitAsync(cancel) : completion.Task;
        }
        catch (MqException refused)
        {
            return Task.FromException<PublishResult>(refused);
        }
    }

    /// <summary>
    /// Sends messages that stay together: in one record batch, in the partition of the first, all stored or none, and no other message between them. Ends when they are stored.
    /// </summary>
    /// <remarks>Only where messages have tokens, each has an outcome of its own: one may be a duplicate, or refused by the topic's admission limit, and the others are stored.</remarks>
    /// <param name="messages">All half messages, or none; together at most the topic's MaxBatchBytes.</param>
    /// <param name="cancel">As with <see cref="Send"/>.</param>
    /// <exception cref="MqException">They were refused for good, or one of them was.</exception>
    public async Task<IReadOnlyList<PublishResult>> SendTogether(IReadOnlyList<Message> messages, CancellationToken cancel = default)
    {
        if (messages.Count == 0)
            return [];
        return await (MessageTracing.IsOn ? MessageTracing.Sending(_topic, messages.Count, () => SendTogetherNow(MessageTracing.Stamped(messages), cancel)) : SendTogetherNow(messages, cancel));
    }

    private async Task<IReadOnlyList<PublishResult>> SendTogetherNow(IReadOnlyList<Message> messages, CancellationToken cancel)
    {
        var completions = messages.Select(_ => new TaskCompletionSource<PublishResult>(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        Accept(Outgoing.Of(messages, completions), cancel);
        return await Task.WhenAll(completions.Select(completion => completion.Task)).WaitAsync(cancel);
    }

    /// <summary>Sends a message without telling what became of it: for the most messages a second. Ends when there is room for it.</summary>
    /// <remarks><see cref="ProducerOptions.OnRefused"/> hears of refusals, and <see cref="Flush"/> waits for the rest.</remarks>
    public ValueTask Enqueue(Message message, CancellationToken cancel = default)
    {
        message = MessageTracing.Created(_topic, message);
        return Accept(Outgoing.Of(message, new PendingMessage(message)), cancel) is { } waiting ? new ValueTask(waiting.Admitted.Task) : default;
    }

    /// <summary>Ends when everything that was sent before has its outcome; nothing lingers meanwhile.</summary>
    /// <exception cref="MqException">The producer has ended.</exception>
    public async Task Flush(CancellationToken cancel = default)
    {
        Task admitted;
        lock (_sync)
            admitted = _waiting.LastOrDefault()?.Admitted.Task ?? Task.CompletedTask;
        await admitted.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        cancel.ThrowIfCancellationRequested();
        Task[] unfinished;
        lock (_sync)
        {
            foreach (var partition in _partitions ?? [])
            {
                partition.Close();
                Stir(partition);
            }

            unfinished = [.. (_partitions ?? []).SelectMany(partition => partition.Unfinished).Select(batch => batch.Finished)];
        }

        PumpStirred();
        // One after the other: all of them together would come back on a thread of the pool, whatever scheduler this runs on.
        foreach (var finished in unfinished)
            await finished.WaitAsync(cancel);
        lock (_sync)
            if (_ended is not null)
                throw _ended;
    }

    /// <summary>Flushes for at most <see cref="ProducerOptions.CloseTimeout"/>, then ends.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_ended is null)
                await Flush().WaitAsync(_options.CloseTimeout, _time);
        }
        catch (Exception e) when (e is TimeoutException or MqException)
        {
        }

        End(new MqException(ErrorCodes.OutcomeUnknown, $"The producer for {_topic} was closed before this message had its answer."));
        _closing.Cancel();
    }

    /// <returns>Null where there is room at once.</returns>
    private WaitingMessage? Accept(in Outgoing outgoing, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        WaitingMessage? waiting = null;
        bool later;
        lock (_sync)
        {
            if (_ended is not null)
                throw _ended;
            if (_partitions is not null && _waiting.Count == 0 && HasRoom(outgoing.Size))
                Add(outgoing);
            else
                _waiting.Enqueue(waiting = new WaitingMessage(outgoing));
            if (_partitions is null && !_opening)
            {
                _opening = true;
                _ = Open();
            }

            // Nobody waits for this one: while the pump is on its way, others join its batch.
            later = outgoing.Pending.Completion is null;
            if (later && (_pumpIsComing || _stirred.Count == 0))
                return waiting is null ? null : WithCancel(waiting, cancel);
            _pumpIsComing |= later;
        }

        if (later)
            _ = PumpSoon();
        else
            PumpStirred();
        return waiting is null ? null : WithCancel(waiting, cancel);
    }

    private WaitingMessage WithCancel(WaitingMessage waiting, CancellationToken cancel)
    {
        waiting.CancelWith(_sync, cancel);
        return waiting;
    }

    private bool HasRoom(int size) => _buffered == 0 || _buffered + size <= _options.MaxBufferedBytes;

    /// <summary>Under the lock.</summary>
    /// <exception cref="MqException">The message's partition does not exist, or it is too large.</exception>
    private void Add(in Outgoing outgoing)
    {
        if (outgoing.ContentBytes > _maxMessageBytes)
            throw new MqException(ErrorCodes.MessageTooLarge, $"The message has {outgoing.ContentBytes} bytes (key, body and headers); {_topic} takes {_maxMessageBytes}.");
        var partition = _partitions![PartitionChoice.Of(outgoing.Message, _partitions.Length, ref _turn)];
        var lingerUntil = _options.Linger > TimeSpan.Zero ? _time.GetTimestamp() + Ticks(_options.Linger) : 0;
        partition.Add(outgoing, _time.GetUtcNow().ToUnixTimeMilliseconds(), lingerUntil, TakeBuilder);
        _buffered += outgoing.Size;
        Stir(partition);
    }

    /// <summary>Learns the topic's partitions and the producer's id. Where the topic is unknown, what waits is refused, and the next message asks again.</summary>
    private async Task Open()
    {
        try
        {
            var topic = await Persist(() => _broker.DescribeTopic(_topic, _closing.Token));
            var identity = await Persist(() => _broker.OpenProducer(_options.Name, _closing.Token));
            lock (_sync)
            {
                _opening = false;
                if (_ended is not null)
                    return;
                _identity = identity;
                Know(topic.Settings);
            }

            AdmitWaiting();
        }
        catch (Exception e)
        {
            List<WaitingMessage> refused;
            lock (_sync)
            {
                _opening = false;
                refused = [.. _waiting];
                _waiting.Clear();
            }

            foreach (var waiting in refused)
                waiting.Refuse(AsRefusal(e), _options.OnRefused);
        }
    }

    /// <summary>Under the lock.</summary>
    private void Know(TopicSettings settings)
    {
        _maxMessageBytes = settings.MaxMessageBytes;
        var known = _partitions ?? [];
        _partitions = [.. known, .. Enumerable.Range(known.Length, settings.Partitions - known.Length)
            .Select(partition => new ProducerPartition(partition, _options, settings.MaxBatchBytes, _identity))];
    }

    private async Task<T> Persist<T>(Func<ValueTask<T>> call)
    {
        var began = _time.GetTimestamp();
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (Failure.IsRetriable(e) && !_closing.IsCancellationRequested && !IsOver(began))
            {
                TimeSpan delay;
                lock (_sync)
                    delay = _backoff.Delay(failures, Failure.RetryAfterOf(e));
                await Task.Delay(delay, _time, _closing.Token);
            }
        }
    }

    private void AdmitWaiting()
    {
        List<(WaitingMessage Waiting, MqException? Refusal)> answered = [];
        lock (_sync)
        {
            while (_ended is null && _waiting.TryPeek(out var first) && (first.IsTakenBack || HasRoom(first.Outgoing.Size)))
            {
                _waiting.Dequeue();
                if (!first.IsTakenBack)
                    answered.Add((first, Admit(first)));
            }
        }

        foreach (var (waiting, refusal) in answered)
        {
            if (refusal is null)
                waiting.Admitted.TrySetResult();
            else
                waiting.Refuse(refusal, _options.OnRefused);
        }

        PumpStirred();
    }

    private MqException? Admit(WaitingMessage waiting)
    {
        waiting.IsAdmitted = true;
        try
        {
            Add(waiting.Outgoing);
            return null;
        }
        catch (MqException refused)
        {
            return refused;
        }
    }

    /// <summary>Nothing is accepted any more, and what has no answer yet gets this one.</summary>
    private void End(MqException why)
    {
        List<ProducerBatch> batches;
        List<WaitingMessage> waiting;
        lock (_sync)
        {
            if (_ended is not null)
                return;
            _ended = why;
            batches = [.. (_partitions ?? []).SelectMany(partition => partition.Abandon())];
            waiting = [.. _waiting];
            _waiting.Clear();
            _buffered = 0;
        }

        foreach (var batch in batches)
        {
            foreach (var message in batch.Messages)
                message.Refused(why, _options.OnRefused);
            batch.Finish();
        }

        foreach (var each in waiting)
            each.Refuse(why, _options.OnRefused);
    }

    private void Release(ProducerBatch batch)
    {
        _buffered -= batch.BufferedBytes;
        if (_spareBuilders.Count < MaxSpareBuilders)
            _spareBuilders.Push(batch.Records);
    }

    private RecordBatchBuilder TakeBuilder()
    {
        if (!_spareBuilders.TryPop(out var builder))
            return new RecordBatchBuilder(4096);
        builder.Reset();
        return builder;
    }

    private bool IsOver(long since) => _options.RetryFor != Timeout.InfiniteTimeSpan && _time.GetElapsedTime(since) >= _options.RetryFor;

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _time.TimestampFrequency);

    private MqException AsRefusal(Exception e, string? code = null) =>
        e is MqException refusal && (code is null || refusal.Code == code) ? refusal
            : new MqException(code ?? ErrorCodes.OutcomeUnknown, $"{_topic} did not answer: {e.Message}", inner: e);
}

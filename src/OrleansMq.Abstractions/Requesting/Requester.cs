using System.Diagnostics.CodeAnalysis;

namespace OrleansMq;

/// <summary>
/// Sends requests and awaits their replies: thousands at once over one reader of one partition of a topic of replies. Thread-safe; make one for a process and keep it.
/// </summary>
/// <remarks>
/// A request is an ordinary message with <see cref="Message.CorrelationId"/> and <see cref="Message.ReplyTo"/>; a <see cref="Responder"/>, or whoever does as <see cref="Replies"/>
/// does, answers it. It is stored once, over lost answers and failovers, as with every <see cref="Producer"/>; the reply waits in the log until it can be read. What is not
/// known after a time-out is whether the request was handled: make it idempotent to ask again.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing; who still looks at its token may do so.")]
public sealed class Requester : IAsyncDisposable
{
    private readonly RequesterOptions _options;
    private readonly TimeProvider _time;
    private readonly BrokerCalls _calls;
    private readonly PendingReplies _pending = new();
    private readonly ReplyReader _reader;
    private readonly ProducersByTopic _producers;
    private readonly SemaphoreSlim _room;
    private readonly CancellationTokenSource _closing = new();
    private long _timedOut;

    public Requester(IBroker broker, RequesterOptions? options = null, TimeProvider? time = null)
    {
        _options = (options ?? new()).Checked();
        _time = time ?? TimeProvider.System;
        _calls = new BrokerCalls(new Backoff(_options.RetryDelay, _options.MaxRetryDelay, _options.RetrySeed), _time, _options.OnError);
        _reader = new ReplyReader(broker, _options, _calls, _pending.Take);
        _room = new SemaphoreSlim(_options.MaxInFlight);
        _producers = new ProducersByTopic(broker, new ProducerOptions
        {
            RetryFor = _options.Timeout,
            RetryDelay = _options.RetryDelay,
            MaxRetryDelay = _options.MaxRetryDelay,
            RetrySeed = _options.RetrySeed,
            CloseTimeout = TimeSpan.Zero,
        }, _options.MaxTopics, _time);
    }

    public RequesterStatistics Statistics =>
        new(_pending.Count, _pending.Replied, Interlocked.Read(ref _timedOut), _pending.Late, _pending.Foreign, _calls.Errors);

    /// <summary>Sends the request and ends with its reply.</summary>
    /// <param name="request">Without correlation id and reply-to, which are given to it. With a token that was sent before it is not stored, and has no reply of its own.</param>
    /// <param name="timeout">For everything together. Null: <see cref="RequesterOptions.Timeout"/>.</param>
    /// <param name="cancel">Ends the waiting; the request may be handled all the same.</param>
    /// <exception cref="TimeoutException">No reply came in time; the message says how far the request came.</exception>
    /// <exception cref="ReplyErrorException">The responder refused.</exception>
    /// <exception cref="MqException">The request was not stored, or the reply topic can't be read.</exception>
    public async Task<StoredMessage> Request(TopicName topic, Message request, TimeSpan? timeout = null, CancellationToken cancel = default)
    {
        var patience = timeout ?? _options.Timeout;
        Check(request, patience);
        ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
        using var limit = new CancellationTokenSource(patience, _time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token, _closing.Token);
        var progress = new RequestProgress(topic, _time.GetTimestamp());
        try
        {
            var reply = await WithRoom(progress, request, patience, end.Token);
            return Replies.ErrorOf(reply) is { } code ? throw new ReplyErrorException(code, reply.BodyText) { Reply = reply } : reply;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested && end.IsCancellationRequested)
        {
            if (_closing.IsCancellationRequested)
                throw new MqException(ErrorCodes.OutcomeUnknown, $"The requester was closed before the reply came: {progress}.");
            Interlocked.Increment(ref _timedOut);
            throw new TimeoutException($"No reply came within {patience}: {progress}.");
        }
    }

    /// <summary>Requests that wait end with <see cref="ErrorCodes.OutcomeUnknown"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _reader.DisposeAsync();
        await _producers.DisposeAsync();
    }

    private async Task<StoredMessage> WithRoom(RequestProgress progress, Message request, TimeSpan patience, CancellationToken end)
    {
        await _room.WaitAsync(end);
        try
        {
            progress.Opening();
            var address = await _reader.Open(end);
            using var pending = _pending.Add();
            progress.Sending(pending.CorrelationId);
            var sending = _producers.Send(progress.Topic, request with
            {
                CorrelationId = pending.CorrelationId,
                ReplyTo = address.ToString(),
                TimeToLive = TimeToLive(request, patience - _time.GetElapsedTime(progress.Began)),
            }, end);
            return await ReplyTo(pending, sending, progress, end);
        }
        finally
        {
            _room.Release();
        }
    }

    private static async Task<StoredMessage> ReplyTo(PendingReply pending, Task<PublishResult> sending, RequestProgress progress, CancellationToken end)
    {
        // The reply may be here before the answer that the request is stored, where that one was lost.
        if (await Task.WhenAny(sending, pending.Reply) == sending)
        {
            try
            {
                progress.Stored(await sending);
            }
            catch (MqException e) when (e.Code == ErrorCodes.OutcomeUnknown)
            {
                // It may be stored: the reply will tell.
                progress.Unknown(e);
            }
        }

        return await pending.Reply.WaitAsync(end);
    }

    private TimeSpan? TimeToLive(Message request, TimeSpan left)
    {
        if (!_options.ExpireRequests)
            return request.TimeToLive;
        var life = left > TimeSpan.FromMilliseconds(1) ? left : TimeSpan.FromMilliseconds(1);
        return request.TimeToLive < life ? request.TimeToLive : life;
    }

    private static void Check(Message request, TimeSpan patience)
    {
        if (request.CorrelationId is not null || request.ReplyTo is not null)
            throw new MqException(ErrorCodes.Malformed, "A request's correlation id and reply-to are the requester's to give; put an id of your own into a header.");
        if (request.Half is not null)
            throw new MqException(ErrorCodes.Malformed, "A half message is no request: nobody is given it before it is committed.");
        if (patience < TimeSpan.FromMilliseconds(1) || patience > RequesterOptions.MaxTimeout)
            throw new MqException(ErrorCodes.Malformed, $"A request waits 1 ms to {RequesterOptions.MaxTimeout}; {patience} was given.");
    }
}

namespace OrleansMq;

/// <summary>
/// Answers requests: a member of a queue-style group whose handler gives a reply to each message. A request is acknowledged when its reply is stored; delivered again, it is
/// handled again, and the first reply stays the one that is stored.
/// </summary>
/// <remarks>
/// A handler that throws refuses: the requester gets an error, and the request is done. Only <see cref="RefuseException"/> has it delivered again, <see cref="DeferException"/> sets it
/// aside unanswered, and <see cref="DeadLetterException"/> makes it a dead letter as well. A reply that the topic of replies does not take for long (<see cref="ResponderOptions.ReplyRetryFor"/>) refuses the request, too. A message that asks for no reply is handled, and what the handler gives is dropped. Replies go where requests say, as far as
/// the responder's rights and <see cref="ResponderOptions.MayReplyTo"/> reach.
/// </remarks>
public sealed class Responder : IAsyncDisposable
{
    // At a full topic that lets wait, within one call.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private readonly Func<Delivery, CancellationToken, Task<Message>> _handle;
    private readonly ResponderOptions _options;
    private readonly ProducersByTopic _producers;
    private readonly QueueConsumer _consumer;
    private long _replied;
    private long _duplicates;
    private long _refused;
    private long _unanswered;

    public Responder(
        IBroker broker, TopicName topic, GroupName group, Func<Delivery, CancellationToken, Task<Message>> handle, ResponderOptions? options = null, TimeProvider? time = null)
    {
        _options = options ?? new();
        _options.Check();
        _handle = handle;
        _producers = new ProducersByTopic(broker, new ProducerOptions
        {
            RetryFor = _options.ReplyRetryFor,
            Wait = _options.ReplyRetryFor < LongestWait ? _options.ReplyRetryFor : LongestWait,
            RetryDelay = _options.RetryDelay,
            MaxRetryDelay = _options.MaxRetryDelay,
            RetrySeed = _options.RetrySeed,
            CloseTimeout = TimeSpan.Zero,
        }, Math.Max(_options.MaxReplyTopics, _options.Workers), time ?? TimeProvider.System);
        _consumer = new QueueConsumer(broker, topic, group, Answer, _options, time);
    }

    public ResponderStatistics Statistics => new(
        Interlocked.Read(ref _replied), Interlocked.Read(ref _duplicates), Interlocked.Read(ref _refused), Interlocked.Read(ref _unanswered), _consumer.Statistics);

    /// <summary>As of a <see cref="QueueConsumer"/>: requests at hand are finished and answered.</summary>
    public async ValueTask DisposeAsync()
    {
        await _consumer.DisposeAsync();
        await _producers.DisposeAsync();
    }

    private async Task Answer(Delivery request, CancellationToken cancel)
    {
        var address = AddressOf(request);
        Message reply;
        DeadLetterException? dead = null;
        try
        {
            reply = await _handle(request, cancel) ?? throw new InvalidOperationException("The handler gave no reply.");
        }
        catch (Exception e) when (e is not (RefuseException or DeferException) && !(e is OperationCanceledException && cancel.IsCancellationRequested))
        {
            dead = e as DeadLetterException;
            reply = Refusal(e);
            Interlocked.Increment(ref _refused);
        }

        if (address is { } at)
            await Reply(at, request, reply, cancel);
        else
            Interlocked.Increment(ref _unanswered);
        if (dead is not null)
            throw dead;
    }

    private ReplyAddress? AddressOf(Delivery request)
    {
        if (request.ReplyTo is null)
            return null;
        // Where nobody can be told, somebody has to find it.
        if (!ReplyAddress.TryParse(request.ReplyTo, out var address))
            throw new DeadLetterException($"reply-to '{request.ReplyTo}' is no address: topic, or topic/partition");
        return _options.MayReplyTo?.Invoke(address.Topic) != false ? address : throw new DeadLetterException($"reply-to '{request.ReplyTo}' is not allowed here");
    }

    private Message Refusal(Exception e)
    {
        if (e is ReplyErrorException meant)
            return Replies.Error(meant.Code, meant.Message);
        _options.OnError?.Invoke(e);
        return Replies.Error(Replies.HandlerFailed, _options.DetailedErrors ? $"{e.GetType().Name}: {e.Message}" : $"The handler failed with {e.GetType().Name}.");
    }

    private async Task Reply(ReplyAddress address, Delivery request, Message reply, CancellationToken cancel)
    {
        try
        {
            try
            {
                await Send(address, request, reply, cancel);
            }
            catch (MqException unfit) when (Refusals.IsOfTheMessage(unfit.Code) && unfit.Code != ErrorCodes.PartitionUnknown)
            {
                _options.OnError?.Invoke(unfit);
                await Send(address, request, Replies.Error(Replies.ReplyUnfit, unfit.Message), cancel);
            }
        }
        catch (MqException gone) when (gone.Code is ErrorCodes.TopicUnknown or ErrorCodes.PartitionUnknown)
        {
            // Whoever asked has taken the place of its replies away.
            Interlocked.Increment(ref _unanswered);
            _options.OnError?.Invoke(gone);
        }
        catch (MqException refused) when (!refused.IsRetriable && refused.Code != ErrorCodes.NotABroker)
        {
            throw new DeadLetterException($"the reply to '{request.ReplyTo}' was refused: {refused.Code}: {refused.Message}", refused);
        }
    }

    private async Task Send(ReplyAddress address, Delivery request, Message reply, CancellationToken cancel)
    {
        var sent = await _producers.Send(address.Topic, Replies.To(request, reply), cancel);
        Interlocked.Increment(ref _replied);
        if (sent.Duplicate)
            Interlocked.Increment(ref _duplicates);
    }
}

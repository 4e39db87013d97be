namespace OrleansMq;

/// <summary>
/// Hands the messages of a queue-style group to a handler, each at least once: a handler that returns acknowledges, one that throws has the message
/// delivered again after the group's back-off, <see cref="DeadLetterException"/> and <see cref="RefuseException"/> say more.
/// </summary>
/// <remarks>
/// Leases are extended while a handler runs. Where one is lost all the same (the broker was away too long), the message is delivered again, so handlers must
/// bear a second time. Failed calls are repeated without end. Closing finishes running handlers, acknowledges, and gives back what was not begun.
/// </remarks>
public sealed class QueueConsumer : IAsyncDisposable
{
    private readonly DeliveryStream _stream;
    private readonly Func<Delivery, CancellationToken, Task<SessionChange?>> _handle;
    private readonly ConsumerWorkers _workers;

    public QueueConsumer(
        IBroker broker, TopicName topic, GroupName group, Func<Delivery, CancellationToken, Task> handle, QueueConsumerOptions? options = null, TimeProvider? time = null)
        : this(broker, topic, group, Stateless(handle), options, time)
    {
    }

    private QueueConsumer(
        IBroker broker, TopicName topic, GroupName group, Func<Delivery, CancellationToken, Task<SessionChange?>> handle, QueueConsumerOptions? options, TimeProvider? time,
        EphemeralGroup? ephemeral = null)
    {
        options ??= new();
        time ??= TimeProvider.System;
        _handle = handle;
        _stream = new DeliveryStream(broker, topic, group, options, time, ephemeral);
        _workers = new ConsumerWorkers(_stream, options, time, Work);
    }

    /// <summary>For a handler that keeps a state of each key, in a group by key.</summary>
    public static QueueConsumer OfSessions(
        IBroker broker, TopicName topic, GroupName group, Func<Session, CancellationToken, Task> handle, QueueConsumerOptions? options = null, TimeProvider? time = null) =>
        new(broker, topic, group, Stateful(handle), options, time);

    /// <summary>For a group that is made again where it was deleted.</summary>
    internal static QueueConsumer OfEphemeral(
        IBroker broker, TopicName topic, EphemeralGroup group, Func<Delivery, CancellationToken, Task> handle, QueueConsumerOptions options, TimeProvider time) =>
        new(broker, topic, group.Name, Stateless(handle), options, time, group);

    private static Func<Delivery, CancellationToken, Task<SessionChange?>> Stateless(Func<Delivery, CancellationToken, Task> handle) => async (delivery, cancel) =>
    {
        await handle(delivery, cancel);
        return null;
    };

    private static Func<Delivery, CancellationToken, Task<SessionChange?>> Stateful(Func<Session, CancellationToken, Task> handle) => async (delivery, cancel) =>
    {
        var session = new Session(delivery);
        await handle(session, cancel);
        return session.Change;
    };

    public ConsumerStatistics Statistics => _stream.Statistics;

    public ValueTask DisposeAsync() => _workers.Stop();

    private async Task Work(CancellationToken cancel)
    {
        while (await _stream.Ready.Reader.WaitToReadAsync(CancellationToken.None))
            while (_stream.Ready.Reader.TryRead(out var held))
                _stream.Settle(held, held.IsLost ? Verdict.Return : await Handle(held.Delivery, cancel));
    }

    private async Task<Verdict> Handle(Delivery delivery, CancellationToken cancel)
    {
        using var span = MessageTracing.StartProcess(_stream.Topic, _stream.Group, delivery);
        try
        {
            return Verdict.Acknowledge with { Session = await _handle(delivery, cancel) };
        }
        catch (Exception e)
        {
            MessageTracing.Failed(span, e);
            var verdict = Verdict.Of(e, cancel, out var unexpected);
            if (unexpected)
                _stream.Calls.ReportHandler(e);
            return verdict;
        }
    }
}

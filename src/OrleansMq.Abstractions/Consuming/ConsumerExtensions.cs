namespace OrleansMq;

/// <summary>Consumers, producers and readers of a broker in a line.</summary>
public static class ConsumerExtensions
{
    /// <summary>Starts a <see cref="QueueConsumer"/>; it consumes until it is disposed.</summary>
    public static QueueConsumer Consume(
        this IBroker broker, TopicName topic, GroupName group, Func<Delivery, CancellationToken, Task> handle, QueueConsumerOptions? options = null, TimeProvider? time = null) =>
        new(broker, topic, group, handle, options, time);

    /// <summary>Starts a <see cref="QueueConsumer"/> for a group by key whose handler keeps a state of each key.</summary>
    public static QueueConsumer ConsumeSessions(
        this IBroker broker, TopicName topic, GroupName group, Func<Session, CancellationToken, Task> handle, QueueConsumerOptions? options = null, TimeProvider? time = null) =>
        QueueConsumer.OfSessions(broker, topic, group, handle, options, time);

    /// <summary>Starts a <see cref="BatchConsumer"/>; it consumes until it is disposed.</summary>
    public static BatchConsumer ConsumeBatches(
        this IBroker broker, TopicName topic, GroupName group, Func<DeliveryBatch, CancellationToken, Task> handle, BatchConsumerOptions? options = null, TimeProvider? time = null) =>
        new(broker, topic, group, handle, options, time);

    /// <summary>Starts a <see cref="LogConsumer"/>; it reads until it is disposed.</summary>
    public static LogConsumer Follow(
        this IBroker broker, TopicName topic, GroupName group, Func<StoredMessage, CancellationToken, Task> handle, LogConsumerOptions? options = null, TimeProvider? time = null) =>
        LogConsumer.ForEach(broker, topic, group, handle, options, time);

    /// <inheritdoc cref="Follow"/>
    public static LogConsumer FollowBatches(
        this IBroker broker, TopicName topic, GroupName group, Func<IReadOnlyList<StoredMessage>, CancellationToken, Task> handle, LogConsumerOptions? options = null, TimeProvider? time = null) =>
        new(broker, topic, group, handle, options, time);

    /// <summary>Starts a <see cref="QueueConsumer"/> for each topic that matches, now and later.</summary>
    /// <param name="pattern">Such as <c>orders.*</c>.</param>
    /// <param name="options">Of the consumer of each topic.</param>
    /// <param name="topics">How topics are found.</param>
    public static PatternConsumer ConsumeMatching(
        this IBroker broker, TopicPattern pattern, GroupName group, Func<TopicName, Delivery, CancellationToken, Task> handle, QueueConsumerOptions? options = null,
        PatternOptions? topics = null, TimeProvider? time = null)
    {
        options?.Check();
        return new(broker, pattern, topic => new QueueConsumer(broker, topic, group, (delivery, cancel) => handle(topic, delivery, cancel), options, time), topics, time);
    }

    /// <summary>Starts a <see cref="LogConsumer"/> for each topic that matches, now and later.</summary>
    /// <inheritdoc cref="ConsumeMatching"/>
    public static PatternConsumer FollowMatching(
        this IBroker broker, TopicPattern pattern, GroupName group, Func<TopicName, StoredMessage, CancellationToken, Task> handle, LogConsumerOptions? options = null,
        PatternOptions? topics = null, TimeProvider? time = null)
    {
        options?.Checked();
        return new(broker, pattern, topic => LogConsumer.ForEach(broker, topic, group, (message, cancel) => handle(topic, message, cancel), options, time), topics, time);
    }

    /// <summary>Joins a topic for every message from now on: a <see cref="BroadcastConsumer"/>, with an ephemeral group of its own.</summary>
    public static ValueTask<BroadcastConsumer> OpenBroadcast(
        this IBroker broker, TopicName topic, Func<Delivery, CancellationToken, Task> handle, BroadcastOptions? options = null, TimeProvider? time = null, CancellationToken cancel = default) =>
        BroadcastConsumer.Open(broker, topic, handle, options, time, cancel);

    /// <summary>A producer for the topic; keep it, and dispose it to send the rest.</summary>
    public static Producer Produce(this IBroker broker, TopicName topic, ProducerOptions? options = null, TimeProvider? time = null) =>
        new(broker, topic, options, time);
}

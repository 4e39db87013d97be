namespace OrleansMq.Conformance.Broker;

/// <summary>A call of <see cref="IBroker.Publish"/>, and how it would go on.</summary>
public delegate Task<IReadOnlyList<PublishResult>> PublishStory(IReadOnlyList<Message> messages, Func<Task<IReadOnlyList<PublishResult>>> publish, CancellationToken cancel);

/// <summary>A broker whose publishing a test has in its hand; everything else goes through.</summary>
public static class InterceptedBroker
{
    /// <summary>One to which nothing can be sent.</summary>
    public static IBroker Away(IBroker broker) => BrokerProxy.Over(broker, (call, _) =>
    {
        if (call is nameof(IBroker.Append) or nameof(IBroker.Publish))
            throw new MqException(ErrorCodes.PartitionUnavailable, "It is away.");
    });

    public static IBroker Around(IBroker broker, PublishStory story) => BrokerProxy.Of((method, args) =>
    {
        if (method.Name != nameof(IBroker.Publish))
            return BrokerProxy.On(broker, method, args);
        var (topic, messages, options, cancel) = ((TopicName)args[0]!, (IReadOnlyList<Message>)args[1]!, (PublishOptions?)args[2], (CancellationToken)args[3]!);
        return new ValueTask<IReadOnlyList<PublishResult>>(story(messages, () => broker.Publish(topic, messages, options, cancel).AsTask(), cancel));
    });
}

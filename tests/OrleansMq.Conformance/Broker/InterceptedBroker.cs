using System.Reflection;

namespace OrleansMq.Conformance.Broker;

/// <summary>A call of <see cref="IBroker.Publish"/>, and how it would go on.</summary>
public delegate Task<IReadOnlyList<PublishResult>> PublishStory(IReadOnlyList<Message> messages, Func<Task<IReadOnlyList<PublishResult>>> publish, CancellationToken cancel);

/// <summary>A broker whose publishing a test has in its hand; everything else goes through.</summary>
public class InterceptedBroker : DispatchProxy
{
    private IBroker _broker = null!;
    private PublishStory _story = null!;
    private bool _isAway;

    /// <summary>One to which nothing can be sent.</summary>
    public static IBroker Away(IBroker broker)
    {
        var proxy = Around(broker, (_, _, _) => throw Unavailable());
        ((InterceptedBroker)(object)proxy)._isAway = true;
        return proxy;
    }

    public static IBroker Around(IBroker broker, PublishStory story)
    {
        var proxy = Create<IBroker, InterceptedBroker>();
        ((InterceptedBroker)(object)proxy)._broker = broker;
        ((InterceptedBroker)(object)proxy)._story = story;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (_isAway && targetMethod!.Name == nameof(IBroker.Append))
            throw Unavailable();
        if (targetMethod!.Name != nameof(IBroker.Publish))
            return targetMethod.Invoke(_broker, args);
        var (topic, messages, options, cancel) = ((TopicName)args![0]!, (IReadOnlyList<Message>)args[1]!, (PublishOptions?)args[2], (CancellationToken)args[3]!);
        return new ValueTask<IReadOnlyList<PublishResult>>(_story(messages, () => _broker.Publish(topic, messages, options, cancel).AsTask(), cancel));
    }

    private static MqException Unavailable() => new(ErrorCodes.PartitionUnavailable, "It is away.");
}

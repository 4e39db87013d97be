using System.Reflection;

namespace OrleansMq.Access.Tests;

/// <summary>How a topic is described, and how the broker would do it.</summary>
public delegate Task<TopicDescription> DescribeStory(string topic, Func<Task<TopicDescription>> describe);

/// <summary>A broker whose descriptions of topics a test has in its hand; everything else goes through.</summary>
public class DescribedByHand : DispatchProxy
{
    private IBroker _broker = null!;
    private DescribeStory _story = null!;

    public static IBroker Around(IBroker broker, DescribeStory story)
    {
        var proxy = Create<IBroker, DescribedByHand>();
        ((DescribedByHand)(object)proxy)._broker = broker;
        ((DescribedByHand)(object)proxy)._story = story;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        if (targetMethod!.Name != nameof(IBroker.DescribeTopic))
            return targetMethod.Invoke(_broker, BindingFlags.DoNotWrapExceptions, null, args, null);
        var topic = (TopicName)args![0]!;
        return new ValueTask<TopicDescription>(_story(topic.Text, () => _broker.DescribeTopic(topic).AsTask()));
    }
}

using System.Reflection;
using OrleansMq.Conformance;
using OrleansMq.Gateways.Kafka.Calls;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>In which order the broker is asked for the batches of one connection.</summary>
public sealed class ProduceOrderTests
{
    // Seen with kcat: 1-3, then 14-1000, then 4-13.
    [Fact]
    public async Task ABatchThatComesInTheMomentTheWayIsFoundDoesNotPassTheOneThatWaitedForIt()
    {
        var broker = DispatchProxy.Create<IBroker, Asked>();
        var asked = (Asked)(object)broker;
        var order = new ProduceOrder();
        var appends = Enumerable.Range(1, 2).Select(number => order.Append(broker, Batch(number))).ToList();
        // The second has waited for the first and is about to ask: now the connection has read the third.
        asked.Before = number =>
        {
            if (number == 2)
                appends.Add(order.Append(broker, Batch(3)));
        };

        for (var i = 0; i < 3; i++)
        {
            await Eventually.Holds(() => asked.Order.Count > i);
            asked.Answers[i].SetResult(new AppendResult { BaseOffset = i });
        }

        await Task.WhenAll(appends);
        Assert.Equal([1, 2, 3], asked.Order);
    }

    [Fact]
    public async Task ABatchThatFailsByAFaultHoldsUpNoneBehindIt()
    {
        var broker = DispatchProxy.Create<IBroker, Asked>();
        var asked = (Asked)(object)broker;
        var order = new ProduceOrder();
        var appends = Enumerable.Range(1, 3).Select(number => order.Append(broker, Batch(number))).ToList();

        asked.Answers[0].SetException(new InvalidOperationException("a fault of ours"));
        for (var i = 1; i < 3; i++)
        {
            await Eventually.Holds(() => asked.Order.Count > i);
            asked.Answers[i].SetResult(new AppendResult { BaseOffset = i });
        }

        await Assert.ThrowsAsync<InvalidOperationException>(() => appends[0]);
        Assert.Equal((1, 2), ((await appends[1]).BaseOffset, (await appends[2]).BaseOffset));
        Assert.Equal([1, 2, 3], asked.Order);
    }

    [Fact]
    public async Task ABatchOfAProducerWhoseFirstIsOnItsWayIsSentOnceMore()
    {
        var broker = DispatchProxy.Create<IBroker, Asked>();
        var asked = (Asked)(object)broker;
        var order = new ProduceOrder();
        var another = order.Append(broker, Batch(1));
        asked.Answers[0].SetResult(new AppendResult { BaseOffset = 0 });
        await another;
        var appends = Enumerable.Range(2, 2).Select(number => order.Append(broker, Batch(number))).ToList();

        asked.Answers[2].SetException(new MqException(ErrorCodes.ProducerUnknown, "It begins with sequence 1."));
        asked.Answers[1].SetResult(new AppendResult { BaseOffset = 1 });
        await Eventually.Holds(() => asked.Order.Count > 3);
        asked.Answers[3].SetResult(new AppendResult { BaseOffset = 2 });

        Assert.Equal([1L, 2L], (await Task.WhenAll(appends)).Select(result => result.BaseOffset));
        Assert.Equal([1, 2, 3, 3], asked.Order);
    }

    private static AppendRequest Batch(int number) => new() { Topic = "t", Partition = 0, Batch = new byte[] { (byte)number } };

    /// <summary>A broker that answers when it is told to.</summary>
    public class Asked : DispatchProxy
    {
        public List<TaskCompletionSource<AppendResult>> Answers { get; } = [];

        public List<int> Order { get; } = [];

        public Action<int> Before { get; set; } = _ => { };

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            Assert.Equal(nameof(IBroker.Append), targetMethod!.Name);
            Before(((AppendRequest)args![0]!).Batch.Span[0]);
            Answers.Add(new TaskCompletionSource<AppendResult>(TaskCreationOptions.RunContinuationsAsynchronously));
            var answer = new ValueTask<AppendResult>(Answers[^1].Task);
            Order.Add(((AppendRequest)args[0]!).Batch.Span[0]);
            return answer;
        }
    }
}

using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Configuration;
using OrleansMq.Conformance;
using Xunit;

namespace OrleansMq.Streaming.Tests;

/// <summary>Which topic has the name: a description of it asks each partition, and each partition's feed wants to know.</summary>
public sealed class StreamTopicTests : IAsyncLifetime
{
    private readonly OrleansMqStreamOptions _options = new() { Topic = "events", Partitions = 4 };
    private readonly ManualTime _time = new();
    private EmbeddedBroker _broker = null!;
    private CountingBroker _calls = null!;
    private StreamTopic _topic = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        var counting = DispatchProxy.Create<IBroker, CountingBroker>();
        _calls = (CountingBroker)(object)counting;
        _calls.Broker = _broker;
        _topic = new StreamTopic(counting, "mq", _options, _time, NullLogger<StreamTopic>.Instance);
        await _topic.Connect();
        _calls.Descriptions = 0;
    }

    public async Task DisposeAsync() => await _broker.DisposeAsync();

    [Fact]
    public async Task FeedsThatStartTogetherAskOnceWhichTopicItIs()
    {
        var answer = new TaskCompletionSource();
        _calls.Until = answer.Task;
        var feeds = Enumerable.Range(0, 4).Select(_ => Identify()).ToList();
        answer.SetResult();

        var ids = await Task.WhenAll([.. feeds, Identify()]);

        Assert.Equal(1, _calls.Descriptions);
        Assert.Equal([(await _broker.DescribeTopic("events")).Id], ids.Distinct());
    }

    [Fact]
    public async Task TheSameIsAskedAgainAfterASecond()
    {
        var before = await Identify();
        await MakeAnew();
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.NotEqual(before, await Identify());
    }

    [Fact]
    public async Task WhoKnowsThatTheTopicIsGoneIsToldOfTheNextOneAtOnce()
    {
        var gone = await Identify();
        await MakeAnew();

        var ids = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Identify(gone)));

        Assert.Equal([(await _broker.DescribeTopic("events")).Id], ids.Distinct());
        Assert.Equal(2, _calls.Descriptions);
    }

    [Fact]
    public async Task AFailureIsNobodyElses()
    {
        _calls.Until = Task.FromException(new MqException(ErrorCodes.PartitionUnavailable, "not now"));
        await Assert.ThrowsAsync<MqException>(() => Identify());
        _calls.Until = Task.CompletedTask;

        Assert.NotEqual(Guid.Empty, await Identify());
    }

    [Fact]
    public async Task WhoIsCancelledEndsNobodyElsesQuestion()
    {
        var answer = new TaskCompletionSource();
        _calls.Until = answer.Task;
        using var closing = new CancellationTokenSource();
        var closed = _topic.Identify(gone: null, closing.Token);
        var other = Identify();
        await closing.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => closed);
        answer.SetResult();

        Assert.NotEqual(Guid.Empty, await other);
        Assert.Equal(1, _calls.Descriptions);
    }

    private Task<Guid> Identify(Guid? gone = null) => _topic.Identify(gone, default);

    private async Task MakeAnew()
    {
        await _broker.DeleteTopic("events");
        await _broker.PutTopic("events", new TopicChange { Partitions = 4 });
    }

    /// <summary>Counts who asks for a topic's description, and answers it when it may.</summary>
    public class CountingBroker : DispatchProxy
    {
        internal IBroker Broker { get; set; } = null!;

        internal int Descriptions { get; set; }

        internal Task Until { get; set; } = Task.CompletedTask;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name == nameof(IBroker.DescribeTopic)
            ? new ValueTask<TopicDescription>(Describe((TopicName)args![0]!))
            : targetMethod.Invoke(Broker, BindingFlags.DoNotWrapExceptions, null, args, null);

        private async Task<TopicDescription> Describe(TopicName topic)
        {
            Descriptions++;
            await Until;
            return await Broker.DescribeTopic(topic);
        }
    }
}

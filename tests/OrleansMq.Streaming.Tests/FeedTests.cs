using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Streams;
using Xunit;

namespace OrleansMq.Streaming.Tests;

/// <summary>A partition's feed, with the test in the agent's place.</summary>
public sealed class FeedTests : IAsyncLifetime
{
    private static readonly StreamId Stream = StreamId.Create("s", "1");

    private readonly OrleansMqStreamOptions _options = new() { Topic = "events", Partitions = 1 };
    private EmbeddedBroker _broker = null!;
    private PartitionFeed _feed = null!;

    public async Task InitializeAsync()
    {
        _broker = await EmbeddedBroker.InMemory();
        var serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();
        var codec = new StreamCodec(new StreamDataAdapter(serializer, StreamBodies.Json, System.Text.Json.JsonSerializerOptions.Web), serializer, new StreamKey(null));
        var topic = new StreamTopic(_broker, "mq", _options, TimeProvider.System, NullLogger<StreamTopic>.Instance);
        _feed = new PartitionFeed("mq", topic, 0, codec, _options, TimeSpan.FromMinutes(30), TimeProvider.System, NullLogger.Instance);
        await topic.Connect();
    }

    public async Task DisposeAsync()
    {
        await _feed.Shutdown(TimeSpan.FromSeconds(10));
        await _broker.DisposeAsync();
    }

    [Theory]
    [InlineData(20)]
    [InlineData(600_000)]
    public async Task AnAgentThatForgotAStreamFindsTheEventThatWasInBackOff(int backoffMs)
    {
        _options.Backoff.Add(TimeSpan.FromMilliseconds(backoffMs));
        await Publish("refused");
        var cursor = Open(await News());
        Assert.True(cursor.MoveNext());
        cursor.Fault(new InvalidOperationException("not now"));
        cursor.RecordDeliveryFailure();

        cursor.Dispose();

        var again = Open(await News());
        await NewsUntil(again.MoveNext);
        Assert.Equal("refused", Body(again));
    }

    [Fact]
    public async Task AnAgentThatForgotAStreamFindsWhatItHeldThoughMoreCame()
    {
        await Publish("held");
        var cursor = Open(await News());
        Assert.True(cursor.MoveNext());

        cursor.Dispose();
        await Publish("more");

        var again = Open(await News());
        await NewsUntil(again.MoveNext);
        Assert.Equal("held", Body(again));
    }

    private async Task Publish(string body) => await _broker.Publish("events", [Message.OfText(body, "s/1")]);

    private async Task<IBatchContainer> News()
    {
        IBatchContainer? found = null;
        await NewsUntil(() => found is not null, news => found = news);
        return found!;
    }

    /// <summary>Polls, as the agent does without end.</summary>
    private async Task NewsUntil(Func<bool> holds, Action<IBatchContainer>? take = null)
    {
        for (var polls = 0; !holds(); polls++)
        {
            Assert.True(polls < 20, "Twenty polls brought nothing.");
            foreach (var news in await _feed.GetQueueMessagesAsync(100, default))
                take?.Invoke(news);
        }
    }

    private StreamCursor Open(IBatchContainer news) => (StreamCursor)((IQueueCache)_feed).TryGetCacheCursor(Stream, news.SequenceToken).Cursor!;

    private static string Body(StreamCursor cursor) => ((StreamBatch)cursor.GetCurrent(out _)!).GetEvents<string>().First().Item1;
}

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

    [Fact]
    public async Task ATokenSaysOfWhichTopicAndOpeningItIs()
    {
        await Publish("one");
        var cursor = Open(await News());
        Assert.True(cursor.MoveNext());
        var token = Assert.IsType<OrleansMqSequenceToken>(cursor.CurrentToken);
        Assert.Equal((await _broker.DescribeTopic("events")).Id, token.TopicId);
        Assert.NotEqual(Guid.Empty, token.TopicId);
        Assert.True(token.Epoch > 0);
    }

    [Fact]
    public async Task AllOfATopicThatIsMadeAnewIsReadThoughItHasMoreThanWasRead()
    {
        await Publish("old");
        var cursor = Open(await News());
        Assert.True(cursor.MoveNext());

        await _broker.DeleteTopic("events");
        await _broker.PutTopic("events", new TopicChange { Partitions = 1 });
        foreach (var body in (string[])["new 0", "new 1", "new 2"])
            await Publish(body);

        List<string> given = [];
        await NewsUntil(() =>
        {
            while (cursor.MoveNext())
                given.AddRange(((StreamBatch)cursor.GetCurrent(out _)!).GetEvents<string>().Select(each => each.Item1));
            return given.Count >= 3;
        });
        Assert.Equal(["new 0", "new 1", "new 2"], given);
    }

    [Fact]
    public async Task WhoComesWithATokenOfATopicThatIsGoneGetsAllOfTheNextOne()
    {
        await Publish("one");
        await News();
        var cursor = (StreamCursor)((IQueueCache)_feed).TryGetCacheCursor(Stream, new OrleansMqSequenceToken(0, 7) { TopicId = Guid.NewGuid() }).Cursor!;
        // What stands first is the place that it came with.
        Assert.True(cursor.MoveNext());
        await NewsUntil(cursor.MoveNext);
        Assert.Equal("one", Body(cursor));
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

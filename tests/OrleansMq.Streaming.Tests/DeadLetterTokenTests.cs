using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Configuration;
using Xunit;

namespace OrleansMq.Streaming.Tests;

/// <summary>A refused event's letter stands there once, and has room for its token whatever the group's name.</summary>
public sealed class DeadLetterTokenTests
{
    private static readonly Guid Subscription = new("11111111-2222-3333-4444-555555555555");
    private static readonly StreamLog Log = new(new Guid("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"), 7);

    [Fact]
    public async Task AShortNameStandsInTheTokenAsItIs() => Assert.Equal(
        "g/aaaaaaaabbbbccccddddeeeeeeeeeeee/7/0:41/11111111222233334444555555555555", (await Letters("g", "g")).Single());

    [Theory]
    [InlineData(183)]
    [InlineData(184)]
    [InlineData(233)]
    public async Task ALongOneHasRoomForItsLettersToo(int length)
    {
        var (name, other) = (new string('g', length), new string('g', length - 1) + "h");

        var tokens = await Letters(name, name, other);

        // The move that was made again left nothing, and another group's letter is another.
        Assert.Equal(2, tokens.Count);
        Assert.Equal(2, tokens.Distinct().Count());
        Assert.Equal(length <= 183, tokens[0].StartsWith(name, StringComparison.Ordinal));
        Assert.All(tokens, token => Assert.EndsWith("/aaaaaaaabbbbccccddddeeeeeeeeeeee/7/0:41/11111111222233334444555555555555", token, StringComparison.Ordinal));
    }

    /// <summary>The tokens of what stands in the dead letters after each of these groups moved the same event there.</summary>
    private static async Task<List<string>> Letters(params string[] groups)
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("dead", new TopicChange());
        foreach (var group in groups)
        {
            var options = new OrleansMqStreamOptions { Topic = "events", Group = group, DeadLetterTopic = "dead" };
            var topic = new StreamTopic(broker, "mq", options, TimeProvider.System, NullLogger<StreamTopic>.Instance);
            await new DeadLetters(topic, new StreamKey(null), TimeProvider.System)
                .Move(StreamId.Create("s", "1"), 0, new StreamEvent { Offset = 41, Log = Log }, Subscription, 3, "no");
        }

        return [.. (await broker.Receive("dead", "look", new ReceiveRequest { Max = 10 })).Select(letter => letter.Token!)];
    }
}

using System.Text;
using OrleansMq.Json;

namespace OrleansMq.Abstractions.Tests;

/// <summary>What a producer keeps in its own store, on its way to the broker.</summary>
public sealed class RelayingTests
{
    private static readonly SendLimits Limits = new(1 << 20, TimeSpan.FromMinutes(1), "relay");

    [Fact]
    public async Task OneMessageForWhichACallIsRefusedIsPutAsideAloneAndInItsPlace()
    {
        var broker = new PublishingBroker(calls => calls.Any(body => body == "bad") ? new MqException(ErrorCodes.Malformed, "One of them can't be read.") : null);

        var outcome = await new BoundedSender(broker, Limits, TimeProvider.System).Send("t", Rows("a", "b", "bad", "c", "d"), default);

        Assert.Null(outcome.Failure);
        Assert.Equal([3L], outcome.Refused.Select(message => message.Id));
        Assert.Equal(["a", "b", "c", "d"], broker.Stored);
    }

    [Fact]
    public async Task ARefusalThatSpeaksOfTheWorldStopsAndPutsNothingAside()
    {
        var broker = new PublishingBroker(calls => new MqException(ErrorCodes.TopicUnknown, "Not yet."));

        var outcome = await new BoundedSender(broker, Limits, TimeProvider.System).Send("t", Rows("a", "b"), default);

        Assert.Equal(ErrorCodes.TopicUnknown, Assert.IsType<MqException>(outcome.Failure).Code);
        Assert.Empty(outcome.Done);
    }

    [Theory]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(200)]
    public void JsonOfAnyDepthIsReadBackAsItWasKept(int depth)
    {
        var message = new Message { Body = Encoding.UTF8.GetBytes(new string('[', depth) + new string(']', depth)), ContentType = "application/json" };

        var read = StoredJson.Read(StoredJson.Write(message), "The row");

        Assert.Equal(message.Body.ToArray(), read.Body.ToArray());
        Assert.Equal(message.ContentType, read.ContentType);
    }

    private static StoredRow[] Rows(params string[] bodies) => [.. bodies.Select((body, i) => new StoredRow(i + 1, "t", Message.OfText(body)))];

    private sealed class PublishingBroker(Func<IEnumerable<string>, MqException?> refuse) : SilentBroker
    {
        public List<string> Stored { get; } = [];

        public override ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
        {
            var bodies = messages.Select(message => Encoding.UTF8.GetString(message.Body.Span)).ToList();
            if (refuse(bodies) is { } refusal)
                throw refusal;
            Stored.AddRange(bodies);
            return new(bodies.ConvertAll(_ => new PublishResult(new Position(0, 0), false, null)));
        }
    }
}

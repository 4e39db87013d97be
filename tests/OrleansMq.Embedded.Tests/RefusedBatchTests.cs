using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>For a batch that is refused nothing is dropped, and it is not counted by the topic's limits.</summary>
public sealed class RefusedBatchTests
{
    [Fact]
    public void ItDropsNothing() => StoryThread.Run(async () =>
    {
        await using var broker = await EmbeddedBroker.InMemory(new ManualTime());
        await broker.PutTopic("t", new() { MaxMessages = 2, WhenFull = WhenFull.DropOldest });
        await broker.Publish("t", [Message.OfText("a"), Message.OfText("b")]);

        Assert.Equal(ErrorCodes.Malformed, await Publish(broker, Message.OfText("c") with { DeliverAfter = TimeSpan.FromDays(400) }));

        // Whatever it left would be written with this.
        await broker.PutGroup("t", "g", new());
        Assert.Equal(["a", "b"], (await broker.ReadAll("t")).Select(message => message.BodyText));
    });

    [Fact]
    public void ItTakesNoRoom() => StoryThread.Run(async () =>
    {
        var (time, full) = (new ManualTime(), true);
        var storage = new HandedOnStorage(new VolatileStorage(), log => new FillingLog(log, () => full ? Task.CompletedTask : null));
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = time });
        await broker.PutTopic("t", new() { MaxMessages = 1 });
        Assert.Equal(ErrorCodes.DiskFull, await Publish(broker, Message.OfText("a")));
        full = false;
        time.Advance(TimeSpan.FromSeconds(2));

        Assert.Null(await Publish(broker, Message.OfText("b")));
    });

    private static async Task<string?> Publish(EmbeddedBroker broker, Message message)
    {
        try
        {
            return (await broker.Publish("t", [message]))[0].Error?.Code;
        }
        catch (MqException refusal)
        {
            return refusal.Code;
        }
    }
}

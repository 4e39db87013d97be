using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A batch that is refused is not counted by the topic's limits.</summary>
public sealed class RefusedBatchTests
{
    [Fact]
    public void ItTakesNoRoom() => StoryThread.Run(async () =>
    {
        var (time, full) = (new ManualTime(), true);
        var storage = new HandedOnStorage(new VolatileStorage(), log => new FillingLog(log, () => full ? Task.CompletedTask : null));
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = time });
        await broker.PutTopic("t", new() { MaxMessages = 1 });
        Assert.Equal(ErrorCodes.DiskFull, await Publish(broker, "a"));
        full = false;
        time.Advance(TimeSpan.FromSeconds(2));

        Assert.Null(await Publish(broker, "b"));
    });

    private static async Task<string?> Publish(EmbeddedBroker broker, string body)
    {
        try
        {
            return (await broker.Publish("t", [Message.OfText(body)]))[0].Error?.Code;
        }
        catch (MqException refusal)
        {
            return refusal.Code;
        }
    }
}

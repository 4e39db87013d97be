using OrleansMq.Conformance;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A group that was deleted holds nothing back.</summary>
public sealed class DeletedGroupTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void AlsoWhereThePartitionWasNotOpenThen() => StoryThread.Run(async () =>
    {
        await using var storage = new VolatileStorage();
        await using (var before = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time }))
        {
            await before.PutTopic("t", new() { Retention = TimeSpan.FromHours(1) });
            await before.PutGroup("t", "gone", new());
            await before.PutGroup("t", "g", new());
            await before.Publish("t", [Message.OfText("a")]);
        }

        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time });
        await broker.DeleteGroup("t", "gone");
        var delivery = Assert.Single(await broker.Receive("t", "g", new ReceiveRequest()));
        await broker.Settle("t", "g", Settlement.Acknowledge(delivery.Lease));
        await _time.Pass(TimeSpan.FromHours(2));
        await broker.DescribeTopic("t");
        await _time.Pass(TimeSpan.FromMinutes(1));

        Assert.Empty(await broker.ReadAll("t"));
    });
}

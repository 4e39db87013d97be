using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>How far a group with an order of its own looks before it hands something out.</summary>
public sealed class ReadAheadTests
{
    /// <summary>24 MB, of which a receive reads 16 MiB: the first chooses from what lies there, the second from all.</summary>
    [Fact]
    public async Task LargeMessagesAreLookedAtOverSeveralReceives()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { Priority = true });
        var body = new byte[200_000];
        for (var i = 0; i < 120; i++)
            await broker.Publish("t", [new Message { Body = body, Priority = i switch { 60 => 8, 119 => 9, _ => null } }]);

        Assert.Equal(60, await Next());
        Assert.Equal(119, await Next());
        Assert.Equal(0, await Next());

        async Task<long> Next() => Assert.Single(await broker.Receive("t", "g", new ReceiveRequest { Max = 1 })).Position.Offset;
    }

    /// <summary>It was to read as far as messages stood then, and never began.</summary>
    [Fact]
    public void AReceiveThatFailedHidesNothingUrgentThatCameAfterIt() => StoryThread.Run(async () =>
    {
        var (time, full) = (new ManualTime(), (TaskCompletionSource?)null);
        var storage = new HandedOnStorage(new VolatileStorage(), log => new FillingLog(log, () => full?.Task));
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = time });
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { Priority = true });
        await broker.Publish("t", [Message.OfText("a")]);
        full = new TaskCompletionSource();
        var refused = broker.Publish("t", [Message.OfText("b")]).AsTask();
        var receive = broker.Receive("t", "g", new ReceiveRequest { Max = 1 }).AsTask();
        full.SetResult();
        Assert.Equal(ErrorCodes.DiskFull, (await Assert.ThrowsAsync<MqException>(() => refused)).Code);
        Assert.Equal(ErrorCodes.DiskFull, (await Assert.ThrowsAsync<MqException>(() => receive)).Code);
        full = null;
        time.Advance(TimeSpan.FromSeconds(2));
        await broker.Publish("t", [Message.OfText("urgent") with { Priority = 9 }]);

        Assert.Equal("urgent", Assert.Single(await broker.Receive("t", "g", new ReceiveRequest { Max = 1 })).BodyText);
    });
}

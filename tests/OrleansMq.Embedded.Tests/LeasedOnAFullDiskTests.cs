using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What is leased goes out, though the disk refuses what was to be written behind the leases.</summary>
public sealed class LeasedOnAFullDiskTests
{
    private readonly ManualTime _time = new();
    private Func<Task?> _append = () => null;

    [Fact]
    public void ByKeyWithStates() => StoryThread.Run(async () =>
    {
        await using var broker = await Broker();
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { ByKey = true });
        await broker.Publish("t", [Keyed("a")]);
        var first = Assert.Single(await broker.Receive("t", "g", new()));
        await broker.Settle("t", "g", Settlement.Acknowledge(first, "state"u8.ToArray()));
        await broker.Publish("t", [Keyed("b")]);
        // While the lease is written another one sends, and the state is asked for behind that.
        var (appends, full, sent) = (0, new TaskCompletionSource(), Task.CompletedTask);
        _append = () =>
        {
            if (appends++ > 0)
                return full.Task;
            sent = broker.Publish("t", [Keyed("c")]).AsTask();
            return null;
        };

        var receiving = broker.Receive("t", "g", new()).AsTask();
        await ((StoryThread)SynchronizationContext.Current!).Quiet();
        _append = () => null;
        full.SetResult();

        Assert.Equal(ErrorCodes.DiskFull, (await Assert.ThrowsAsync<MqException>(() => sent)).Code);
        var given = Assert.Single(await receiving);
        Assert.Equal(("b", 5), (given.BodyText, given.SessionState.Length));
    });

    [Fact]
    public void BesideWhatExpired() => StoryThread.Run(async () =>
    {
        await using var broker = await Broker();
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [Message.OfText("old") with { TimeToLive = TimeSpan.FromSeconds(1) }, Message.OfText("good")]);
        _time.Advance(TimeSpan.FromSeconds(2));

        var appends = 0;
        _append = () => appends++ > 0 ? Task.CompletedTask : null;
        var received = await broker.Receive("t", "g", new() { Max = 9, Consumer = "c" });

        Assert.Equal("good", Assert.Single(received).BodyText);
        _append = () => null;
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Null((await broker.Settle("t", "g", Settlement.Acknowledge(received[0].Lease)))[0].Code);
    });

    private static Message Keyed(string body) => Message.OfText(body) with { Key = new byte[] { 7 } };

    private async Task<EmbeddedBroker> Broker()
    {
        var storage = new HandedOnStorage(new VolatileStorage(), log => new FillingLog(log, () => _append()));
        return await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time });
    }
}

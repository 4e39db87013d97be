using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>What is decided but not written yet may be refused still, and nobody is told of it before.</summary>
public sealed class UnwrittenTests
{
    [Fact]
    public void ACommitThatTheDiskRefusesWasNeverSeen() => StoryThread.Run(async () =>
    {
        var full = (TaskCompletionSource?)null;
        var storage = new HandedOnStorage(new VolatileStorage(), log => new FillingLog(log, () => full?.Task));
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = new ManualTime() });
        await broker.PutTopic("t", new() { Partitions = 1 });
        await broker.PutGroup("t", "g", new() { Style = GroupStyle.Log });
        await broker.Publish("t", [Message.OfText("a")]);
        full = new TaskCompletionSource();
        var commit = broker.Commit("t", "g", new([new Position(0, 1)])).AsTask();

        var seen = broker.DescribeGroup("t", "g").AsTask();
        full.SetResult();

        Assert.Equal(ErrorCodes.DiskFull, (await Assert.ThrowsAsync<MqException>(() => commit)).Code);
        Assert.Equal(0, Assert.Single((await seen).Partitions).Cursor);
    });
}

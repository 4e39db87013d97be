using OrleansMq.Conformance;
using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>Making or deleting a group that one of its topic's partitions refuses.</summary>
public sealed class GroupMadeInPartTests
{
    private readonly ManualTime _time = new();
    private readonly List<string> _reports = [];
    private int _full = -1;

    [Fact]
    public void WhoeverComesNextMakesTheCursorsThatAreMissing() => StoryThread.Run(async () =>
    {
        await using var broker = await Broker();
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.Publish("t", [Message.OfText("a") with { Partition = 1 }]);
        _full = 1;
        Assert.Equal(ErrorCodes.DiskFull, (await Assert.ThrowsAsync<MqException>(async () => await broker.PutGroup("t", "g", new()))).Code);
        _full = -1;
        _time.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal("a", Assert.Single(await broker.Receive("t", "g", new() { Max = 9 })).BodyText);
    });

    [Fact]
    public void WhatCouldNotBeDroppedHoldsUpNoOtherPartitionAndIsDroppedLater() => StoryThread.Run(async () =>
    {
        await using var broker = await Broker();
        await broker.PutTopic("t", new() { Partitions = 2, Retention = TimeSpan.FromMinutes(10) });
        await broker.PutGroup("t", "gone", new());
        foreach (var partition in (int[])[0, 1])
            await broker.Publish("t", [Message.OfText("a") with { Partition = partition }]);
        _full = 0;

        await broker.DeleteGroup("t", "gone");

        _full = -1;
        Assert.Contains(_reports, report => report.Contains("'gone'", StringComparison.Ordinal));
        await _time.Pass(TimeSpan.FromMinutes(30));
        Assert.Equal([0L, 1L], (await broker.DescribeTopic("t")).Partitions.Select(partition => partition.Start));
        await _time.Pass(TimeSpan.FromMinutes(40));
        Assert.Equal([1L, 1L], (await broker.DescribeTopic("t")).Partitions.Select(partition => partition.Start));
    });

    private async Task<EmbeddedBroker> Broker()
    {
        var storage = new HandedOnStorage(new VolatileStorage(), log => new FillingLog(log, () => log.Id.Partition == _full ? Task.CompletedTask : null));
        return await EmbeddedBroker.Start(new EmbeddedOptions { Storage = storage, Time = _time, IdleAfter = TimeSpan.FromDays(1), OnReport = _reports.Add });
    }
}

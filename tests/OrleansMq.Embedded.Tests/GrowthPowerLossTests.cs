using OrleansMq.Conformance;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Disk;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>A growth is cut off at each call to the disk that it makes: afterwards the topic has the old number of partitions or the new one, and nothing is stranded either way.</summary>
public sealed class GrowthPowerLossTests
{
    private static readonly string[] Keys = [.. Enumerable.Range(0, 8).Select(n => $"k{n}")];

    private readonly ManualTime _time = new();

    [Fact]
    public void TheOldNumberOrTheNewOneWhereverThePowerGoes() => StoryThread.Run(async () =>
    {
        var disk = new SimDisk(1);
        var from = await Prepare(disk);
        await using (var broker = await Open(disk))
            Assert.Equal(6, (await broker.GrowTopic("t", 6)).Settings.Partitions);
        var (crashes, old, grown) = (0, 0, 0);
        for (var call = from; call < disk.Calls; call += CrashCalls.Step)
        {
            var lost = new SimDisk(1);
            await Prepare(lost);
            var broker = await Open(lost);
            lost.PowerLossAt = call;
            var acknowledged = await TryGrow(broker);
            lost.LosePower();
            lost.Crash(++crashes);
            await using var again = await Open(lost);
            // What was begun is finished by the first look at the topic.
            var partitions = (await again.DescribeTopic("t")).Settings.Partitions;
            Assert.True(partitions == 6 || (partitions == 2 && !acknowledged), $"Power lost at {call}: {partitions} partitions, acknowledged {acknowledged}.");
            (old, grown) = partitions == 2 ? (old + 1, grown) : (old, grown + 1);
            await Check(again, call);
        }

        Assert.True(old > 0 && grown > 0, $"The old number was left {old} times and the new one {grown} times: the power went at one end only.");
    });

    [Fact]
    public void AGrowthThatADiskErrorCutsOffIsFinishedLater() => StoryThread.Run(async () =>
    {
        var disk = new SimDisk(1);
        var from = await Prepare(disk);
        await using (var broker = await Open(disk))
            await broker.GrowTopic("t", 6);
        var failures = 0;
        for (var call = from; call < disk.Calls; call += CrashCalls.Step)
        {
            var faulty = new SimDisk(1);
            await Prepare(faulty);
            var broker = await Open(faulty);
            faulty.Fault = each => each.Number == call ? DiskError.Failed : null;
            failures += await TryGrow(broker) ? 0 : 1;
            faulty.Fault = null;
            // A log or a document that could not be written is served again by the next start.
            await TryClose(broker);
            await using var again = await Open(faulty);
            Assert.Contains((await again.DescribeTopic("t")).Settings.Partitions, (int[])[2, 6]);
            await Check(again, call);
        }

        Assert.True(failures > 0, "No call failed.");
    });

    private static async Task<bool> TryGrow(IBroker broker)
    {
        try
        {
            await broker.GrowTopic("t", 6);
            return true;
        }
        catch (Exception e) when (e is MqException or SimPowerLossException)
        {
            return false;
        }
    }

    private static async Task TryClose(EmbeddedBroker broker)
    {
        try
        {
            await broker.DisposeAsync();
        }
        catch (Exception e) when (e is MqException or Engine.Storage.StorageException)
        {
            // The failed call was one of closing.
        }
    }

    /// <summary>What was there is there, what is new goes in, each key's two in order; and it grows from where it is.</summary>
    private static async Task Check(IBroker broker, long call)
    {
        await broker.Publish("t", [.. Keys.Select(key => Message.OfText($"{key}:2", key))]);
        var seen = new List<string>();
        while (await broker.Receive("t", "g", new ReceiveRequest { Max = 100 }) is { Count: > 0 } given)
        {
            seen.AddRange(given.Select(delivery => delivery.BodyText));
            await broker.Settle("t", "g", Settlement.Acknowledge([.. given.Select(delivery => delivery.Lease)]));
        }

        foreach (var key in Keys)
            Assert.True(seen.Where(body => body.StartsWith($"{key}:", StringComparison.Ordinal)).SequenceEqual([$"{key}:1", $"{key}:2"]), $"Cut off at {call}: {string.Join(" ", seen)}");
        Assert.Equal(2 * Keys.Length, seen.Count);
        Assert.Equal(12, (await broker.GrowTopic("t", 12)).Settings.Partitions);
        await broker.Publish("t", [.. Enumerable.Range(0, 12).Select(p => new Message { Partition = p })]);
    }

    private async Task<long> Prepare(SimDisk disk)
    {
        await using var broker = await Open(disk);
        await broker.PutTopic("t", new TopicChange { Partitions = 2 });
        await broker.PutGroup("t", "g", new GroupChange { ByKey = true });
        await broker.Publish("t", [.. Keys.Select(key => Message.OfText($"{key}:1", key))]);
        return disk.Calls;
    }

    private async Task<EmbeddedBroker> Open(SimDisk disk) => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo()),
        Time = _time,
    });
}

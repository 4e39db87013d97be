using OrleansMq.Conformance;
using OrleansMq.Conformance.Broker;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using Xunit;

namespace OrleansMq.Embedded.Tests;

public sealed class EmbeddedTransactionTests : TransactionContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class EmbeddedTimedTransactionTests : TimedTransactionContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => InMemoryHost.Start(Clock);
}

public sealed class DiskTransactionRestartTests : TransactionRestartContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

public sealed class DiskTransactionCrashTests : TransactionCrashContract
{
    protected override ManualTime Clock { get; } = new();

    protected override Task<BrokerUnderTest> Start() => SimulatedDiskHost.Start(Clock);
}

/// <summary>The power goes at each call to the disk that a consume-transform-produce makes: afterwards there is all of each transaction, or nothing of it.</summary>
public sealed class TransactionPowerLossTests
{
    private const int Partitions = 3;
    private const int Messages = 4;

    private readonly ManualTime _time = new();

    [Fact]
    public void ATransactionIsWholeOrNothingWhereverThePowerGoes() => StoryThread.Run(async () =>
    {
        // A run without loss tells how many calls there are.
        var disk = new SimDisk(1);
        var from = await Prepare(disk);
        await using (var broker = await Open(disk))
            Assert.Equal(Messages, await Transform(broker));
        var (crashes, lossesSeen) = (0, 0);
        for (var call = from; call < disk.Calls; call += 1 + (call - from) / 120)
        {
            var lost = new SimDisk(1);
            await Prepare(lost);
            var broker = await Open(lost);
            lost.PowerLossAt = call;
            var acknowledged = await Transform(broker);
            lossesSeen += lost.IsPowerless ? 1 : 0;
            lost.LosePower();
            lost.Crash(++crashes);
            await using var again = await Open(lost);
            await Check(again, acknowledged, call);
        }

        Assert.True(lossesSeen > 20, $"The power went only {lossesSeen} times while the work was done.");
    });

    /// <returns>How many transactions were acknowledged as committed.</returns>
    private static async Task<int> Transform(IBroker broker)
    {
        var done = 0;
        try
        {
            var producer = await ProducerOfTransactions.Open(broker, "etl");
            for (var i = 0; i < Messages; i++)
            {
                for (var partition = 0; partition < Partitions; partition++)
                    await producer.Append("out", partition, $"{i}");
                await producer.AddOffsets("etl", new GroupOffset("in", 0, i + 1));
                await producer.End(commit: true);
                done++;
            }
        }
        catch (Exception e) when (e is MqException or SimPowerLossException)
        {
            // The power went.
        }

        return done;
    }

    private static async Task Check(IBroker broker, int acknowledged, long call)
    {
        // Whoever takes over ends what was left open, and only then the log stands still.
        await ProducerOfTransactions.Open(broker, "etl");
        var cursor = (await broker.Coordinator!.Committed("etl")).SingleOrDefault()?.Offset ?? 0;
        Assert.True(cursor >= acknowledged, $"Power lost at {call}: {acknowledged} were acknowledged, and the cursor is at {cursor}.");
        for (var partition = 0; partition < Partitions; partition++)
        {
            var bodies = (await broker.ReadAll("out", partition)).ConvertAll(message => message.BodyText);
            Assert.Equal(Enumerable.Range(0, (int)cursor).Select(i => $"{i}"), bodies);
        }

        // And the work goes on where the cursor stands.
        var producer = await ProducerOfTransactions.Open(broker, "etl");
        await producer.Append("out", 0, "next");
        await producer.End(commit: true);
        Assert.Equal("next", (await broker.ReadAll("out", 0))[^1].BodyText);
    }

    private async Task<long> Prepare(SimDisk disk)
    {
        await using var broker = await Open(disk);
        await broker.PutTopic("in", new TopicChange());
        await broker.PutTopic("out", new TopicChange { Partitions = Partitions });
        await broker.Publish("in", [.. Enumerable.Range(0, Messages).Select(i => Message.OfText($"{i}"))]);
        return disk.Calls;
    }

    private async Task<EmbeddedBroker> Open(SimDisk disk) => await EmbeddedBroker.Start(new EmbeddedOptions
    {
        Storage = new FileStorage(new FileStorageOptions { Directory = "/data" }, disk, new InlineIo()),
        Time = _time,
    });
}

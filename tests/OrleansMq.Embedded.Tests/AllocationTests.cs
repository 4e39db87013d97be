using System.Globalization;
using System.Text.Json;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Embedded.Tests;

/// <summary>
/// What a message may allocate on its way in and out, whatever the batch's size. The budgets are data, <c>allocation-budgets.json</c>: who has to raise one says why in the commit.
/// </summary>
[Collection(nameof(Alone))]
public sealed class AllocationTests
{
    private const int Few = 10, Many = 1_000, Rounds = 200, ValueBytes = 100, Queues = 1_000;

    private static readonly Dictionary<string, double> Budgets =
        JsonSerializer.Deserialize<Dictionary<string, double>>(File.ReadAllBytes(Path.Join(AppContext.BaseDirectory, "allocation-budgets.json")))!;

    [Fact]
    public async Task AppendingKeepsItsBudget()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        var (few, many) = (Batch(Few), Batch(Many));
        var perCall = await Measured(broker, few, Append);
        var perLargeCall = await Measured(broker, many, Append);

        // The volatile storage keeps the bytes, so they count once.
        Holds("append: bytes a message beyond those stored", (perLargeCall - perCall - (many.Length - few.Length)) / (Many - Few));
        Holds("append: bytes a call beyond those stored", perCall - few.Length);
    }

    [Fact]
    public async Task FetchingKeepsItsBudget()
    {
        await using var broker = await EmbeddedBroker.InMemory();
        var perCall = await Fetched(broker, "few", Few);
        var perLargeCall = await Fetched(broker, "many", Many);

        Holds("fetch: bytes a message", (perLargeCall - perCall) / (Many - Few));
        Holds("fetch: bytes a call", perCall);
    }

    [Fact]
    public async Task AQueueThatIsOpenKeepsItsBudget()
    {
        var data = Directory.CreateTempSubdirectory("orleansmq-");
        try
        {
            await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = data.FullName, IdleAfter = TimeSpan.FromHours(1) });
            await Use(broker, "first", Queues / 5);
            var before = GC.GetTotalMemory(forceFullCollection: true);
            await Use(broker, "then", Queues);

            Holds("an open queue: bytes of heap", (double)(GC.GetTotalMemory(forceFullCollection: true) - before) / Queues);
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    private static async Task Use(EmbeddedBroker broker, string name, int queues)
    {
        for (var n = 0; n < queues; n++)
        {
            var topic = $"{name}{n}";
            await broker.PutTopic(topic, new());
            await broker.PutGroup(topic, "workers", new());
            await broker.Publish(topic, [Message.OfText("once")]);
            var leases = (await broker.Receive(topic, "workers", new())).Select(delivery => delivery.Lease);
            Assert.True(Assert.Single(await broker.Settle(topic, "workers", Settlement.Acknowledge([.. leases]))).Ok);
        }
    }

    private static void Holds(string budget, double measured) =>
        Assert.True(measured <= Budgets[budget], string.Create(CultureInfo.InvariantCulture, $"{budget}: {measured:0.0} where the budget is {Budgets[budget]}"));

    private static async Task<double> Measured(EmbeddedBroker broker, byte[] batch, Func<EmbeddedBroker, string, byte[], Task> act)
    {
        var topic = $"t{batch.Length}";
        await broker.PutTopic(topic, new());
        return await PerRound(() => act(broker, topic, batch));
    }

    private static async Task<double> Fetched(EmbeddedBroker broker, string topic, int count)
    {
        await broker.PutTopic(topic, new());
        await Append(broker, topic, Batch(count));
        return await PerRound(async () =>
        {
            using var read = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(topic, 0, 0, 1 << 20)] });
            Assert.False(read.Partitions[0].Batches.IsEmpty);
        });
    }

    private static async Task<double> PerRound(Func<Task> act)
    {
        for (var i = 0; i < Rounds; i++)
            await act();
        var before = GC.GetTotalAllocatedBytes(precise: true);
        for (var i = 0; i < Rounds; i++)
            await act();
        return (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Rounds;
    }

    private static async Task Append(EmbeddedBroker broker, string topic, byte[] batch) =>
        await broker.Append(new AppendRequest { Topic = topic, Partition = 0, Batch = batch });

    private static byte[] Batch(int count)
    {
        var builder = new RecordBatchBuilder(256);
        for (var i = 0; i < count; i++)
            builder.Append(1_700_000_000_000 + i, default, false, new byte[ValueBytes], true);
        return builder.ToArray();
    }
}

/// <summary>What is measured is measured while nothing else runs.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

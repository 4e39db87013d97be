using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Tests.Azurite;
using OrleansMq.Storage.AzureBlobs.Tests.Faults;

namespace OrleansMq.Storage.AzureBlobs.Tests.Histories;

/// <summary>The same history over the real protocol: writers that take the log from one another, each behind a proxy that loses, cuts, delays and refuses.</summary>
[Collection(AzuriteTests.Name)]
public sealed class AzuriteHistoryTests(AzuriteServer azurite)
{
    private readonly LogId _id = new(Guid.NewGuid(), 0);
    private readonly LogHistory _history = new();
    private readonly string _container = AzuriteServer.NewContainer();

    [Fact]
    public async Task NothingAcknowledgedIsLostDoubledOrMovedWhileWritersTakeTheLogFromOneAnother()
    {
        await using (var storage = await BlobStorage.Start(azurite.Options(_container)))
            await storage.CreateLog(_id, new LogDefinition("topic", default));
        await Task.WhenAll(Work(1), Work(2));

        await using var last = await BlobStorage.Start(azurite.Options(_container));
        await using var log = await last.OpenLog(_id);
        await _history.Opened(log);
        Assert.Empty(await _history.Check(log));
        Assert.True(_history.AcknowledgedRecords > 20, $"Only {_history.AcknowledgedRecords} records were acknowledged.");
        Assert.True(_history.Openings > 4, $"Only {_history.Openings} openings.");
    }

    private async Task Work(int seed)
    {
        await using var proxy = new FaultProxy(azurite.Port, new RandomFaults(seed, share: 0.15));
        var random = new Random(seed);
        for (var turn = 0; turn < 3; turn++)
        {
            try
            {
                await using var storage = await BlobStorage.Start(azurite.Options(_container, proxy.Port) with { AttemptTimeout = FaultProxy.Patience, AppendBytes = 4096, BlobBlocks = 6 });
                await using var log = await storage.OpenLog(_id);
                await _history.Opened(log);
                for (var n = 0; n < 20; n++)
                    await Write(log, random);
            }
            catch (StorageException)
            {
                // Fenced by the other one.
            }
        }
    }

    private async Task Write(IPartitionLog log, Random random)
    {
        var length = random.Next(6) == 0 ? 9_000 : random.Next(LogHistory.HeaderSize, 300);
        var record = _history.NextRecord(length, out var number);
        var position = log.End;
        if (random.Next(8) == 0)
            log.Roll();
        await log.Append(record, true);
        _history.Acknowledge(number, position, length, log.Epoch);
    }
}

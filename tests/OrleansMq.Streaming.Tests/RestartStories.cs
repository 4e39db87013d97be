using Xunit;

namespace OrleansMq.Streaming.Tests;

/// <summary>Silos that stop and start again. The broker stays.</summary>
public sealed class RestartStories
{
    [Fact]
    public async Task AfterARestartEverySubscriptionGoesOnWhereItWas()
    {
        await using var broker = await StoryBroker.Make();
        var shelf = new KeptGrainStorage.Shelf();
        var shared = StreamId.Create("restart-shared", "1");
        await using (var cluster = await StreamCluster.Start(broker, shelf))
        {
            await cluster.Stream<Order>("implicit", "restart").OnNextAsync(new Order("before"));
            await Ledger.Of("implicit/restart").UntilCount(1);
            await cluster.Grains.GetGrain<IReaderGrain>("restart-fast").Subscribe(StreamCluster.Provider, shared);
            await cluster.Grains.GetGrain<IReaderGrain>("restart-slow").Subscribe(StreamCluster.Provider, shared);
            await cluster.Grains.GetGrain<IReaderGrain>("sender").Send(StreamCluster.Provider, shared, ["1"]);
            await Ledger.Of("restart-slow").UntilCount(1);
            // From here on the slow one refuses everything, so that it has settled no more than the first.
            Ledger.Of("restart-slow").Refuses = _ => new IOException("not now");
            await cluster.Grains.GetGrain<IReaderGrain>("sender").Send(StreamCluster.Provider, shared, ["2"]);
            await Ledger.Of("restart-fast").UntilCount(2);
            await Ledger.Of("restart-slow").Until(all => all.Any(receipt => receipt.Text == "2"), "the refusal");
        }

        // While no silo runs.
        await broker.Broker.Publish("events", [Message.OfJson("""{"id":"meanwhile"}""", "implicit/restart"), Message.OfJson("""{"id":"3"}""", "restart-shared/1")]);
        Ledger.Of("restart-slow").Refuses = null;
        await using (var cluster = await StreamCluster.Start(broker, shelf))
        {
            await Ledger.Of("implicit/restart").UntilCount(2);
            Assert.Equal(["before", "meanwhile"], Ledger.Of("implicit/restart").Texts);
            await cluster.Stream<Order>("implicit", "restart").OnNextAsync(new Order("after"));
            await Ledger.Of("implicit/restart").UntilCount(3);
            await Ledger.Of("restart-fast").UntilCount(3);
            await Ledger.Of("restart-slow").UntilCount(3);
            Assert.Equal(["before", "meanwhile", "after"], Ledger.Of("implicit/restart").Texts);
            Assert.Equal(["1", "2", "3"], Ledger.Of("restart-fast").Texts);
            Assert.Equal(["1", "2", "3"], Ledger.Of("restart-slow").Receipts.Where(receipt => receipt.Accepted).Select(receipt => receipt.Text));
        }
    }
}

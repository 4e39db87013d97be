using System.Collections.Concurrent;
using Xunit;

namespace OrleansMq.Streaming.Tests;

/// <summary>Silos that are killed.</summary>
public sealed class KillStories
{
    [Fact]
    public async Task AnEventSurvivesTheSiloThatWasToDeliverIt()
    {
        await using var outlives = await StoryBroker.Make();
        await using var cluster = await StreamCluster.Start(outlives, silos: 2, maxDeliveries: 16);
        var broker = cluster.Broker;
        const int Streams = 40;
        for (var round = 0; round < 10; round++)
        {
            for (var stream = 0; stream < Streams; stream++)
                await broker.Publish("events", [Message.OfJson($$"""{"id":"{{round}}"}""", $"implicit/kill-{stream}")]);
            if (round == 4)
                await cluster.Orleans.KillSiloAsync(cluster.Orleans.SecondarySilos[0]);
        }

        for (var stream = 0; stream < Streams; stream++)
        {
            var book = Ledger.Of($"implicit/kill-{stream}");
            await book.Until(all => all.Select(receipt => receipt.Text).Distinct().Count() == 10, $"all events of stream {stream}");
            Assert.Equal(Enumerable.Range(0, 10).Select(n => $"{n}"), book.Texts.Distinct());
        }
    }

    [Fact]
    public async Task AGuardedGrainTakesEachEventOnceThoughItsStoreFailsAndItsSiloIsKilled()
    {
        await using var outlives = await StoryBroker.Make();
        var shelf = new KeptGrainStorage.Shelf();
        var writes = new ConcurrentDictionary<GrainId, int>();
        // Every fifth write of a grain fails, half of these after it has been stored; never as often in turn as makes an event a dead letter.
        shelf.Fails = grain => grain.Type.ToString() != "points" ? WriteFailure.None : (writes.AddOrUpdate(grain, 1, (_, before) => before + 1) % 10) switch
        {
            3 => WriteFailure.BeforeTheWrite,
            8 => WriteFailure.AfterTheWrite,
            _ => WriteFailure.None,
        };
        await using var cluster = await StreamCluster.Start(outlives, shelf, silos: 2, maxDeliveries: 16);
        var broker = cluster.Broker;
        const int Grains = 8, Events = 20;
        for (var n = 0; n < Events; n++)
        {
            await broker.Publish("events", [.. Enumerable.Range(0, Grains).Select(grain => Message.OfJson("""{"id":"1"}""", $"points/guard-{grain}"))]);
            if (n == Events / 2)
                await cluster.Orleans.KillSiloAsync(cluster.Orleans.SecondarySilos[0]);
        }

        for (var grain = 0; grain < Grains; grain++)
        {
            // The last event is taken when the ledger has it, as new or (where the answer to its write was lost) as taken before.
            await Ledger.Of($"points/guard-{grain}").Until(all => all.Select(receipt => receipt.Token!.Position).Distinct().Count() == Events, $"the last event of grain {grain}");
            Assert.Equal(Events, await cluster.Grains.GetGrain<IPointsGrain>($"guard-{grain}").Total());
        }

        Assert.True(writes.Values.Sum() > Grains * Events, "Some writes were to fail and be repeated.");
    }
}

using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using OrleansMq.Server.Deadlines;
using OrleansMq.Server.Documents;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>What a grain that wakes partitions stores of them.</summary>
[Collection(nameof(OneSilo))]
public sealed class DeadlineStoreTests(OneSilo cluster)
{
    private const int Share = 5;
    private const int Partitions = 500;

    private readonly Guid _activation = Guid.NewGuid();

    private Serializer Serializer => cluster.Cluster.Client.ServiceProvider.GetRequiredService<Serializer>();

    private IDeadlineGrain Keeper => cluster.Cluster.Client.GetGrain<IDeadlineGrain>(Share);

    [Fact]
    public async Task AnOpeningIsASmallWriteHoweverManyPartitionsAreOpen()
    {
        var (written, largest) = (0L, 0L);
        var keeper = Keeper.GetGrainId();
        cluster.States.Written = (grain, bytes) =>
        {
            if (grain == keeper)
                (written, largest) = (written + bytes.Length, Math.Max(largest, bytes.Length));
            return Task.CompletedTask;
        };
        try
        {
            foreach (var partition in Names("small"))
                await Keeper.Opened(partition, _activation);
        }
        finally
        {
            cluster.States.Written = null;
        }

        var stored = Stored();
        Assert.All(Names("small"), partition => Assert.Equal(_activation, stored.Open[partition]));
        // The largest write was all that there is, and each of so many would have been half as large on average.
        Assert.InRange(written, 1, Partitions * largest / 2 / 3);

        await Close("small");
    }

    [Fact]
    public async Task WhatIsStoredIsWhatIsKnown()
    {
        var closed = Names("known").Where((_, number) => number % 2 == 0).ToList();
        foreach (var partition in Names("known"))
            await Keeper.Opened(partition, _activation);
        foreach (var partition in closed)
            await Keeper.Closed(partition, _activation, null);
        // Nobody may close what another has opened since.
        var taken = closed[0];
        await Keeper.Opened(taken, Guid.NewGuid());
        await Keeper.Closed(taken, _activation, null);
        var due = DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeMilliseconds();
        await Keeper.Note(closed[1], due);
        await Keeper.Note(closed[1], due + 1);

        await BrokerCluster.Until(() => Stored().DueMs.GetValueOrDefault(closed[1]) == due);
        var stored = Stored();
        Assert.All(Names("known").Except(closed), partition => Assert.Equal(_activation, stored.Open[partition]));
        Assert.All(closed.Skip(1), partition => Assert.DoesNotContain(partition, stored.Open));
        Assert.Contains(taken, stored.Open);

        await Close("known");
    }

    [Fact]
    public void ChangesOfAnotherVersionSayNothing()
    {
        var partition = Names("old").First();
        var old = new DeadlineShelf { Version = 7 };
        var changes = new DeadlineChanges();
        old.Open[partition] = _activation;
        changes.Take([partition], old);

        var since = new DeadlineShelf { Version = 8 };
        changes.Apply(since);
        Assert.Empty(since.Open);
        var same = new DeadlineShelf { Version = 7 };
        changes.Apply(same);
        Assert.Equal(_activation, same.Open[partition]);
        // Neither do they of what a release stored that knew no versions.
        changes.Take([partition], new DeadlineShelf { Open = { [partition] = _activation } });
        var former = new DeadlineShelf();
        changes.Apply(former);
        Assert.Empty(former.Open);
    }

    [Fact]
    public async Task TheNextActivationKnowsWhatThisOneStoredAsChanged()
    {
        var known = new List<string>();
        for (var round = 0; round < 3; round++)
        {
            // Fewer than are written as all; what can't be asked stays on the list.
            for (var number = 0; number < DeadlineStore.MinChanges / 4; number++)
            {
                known.Add($"no partition {round} {number}");
                await Keeper.Opened(known[^1], _activation);
            }

            var stored = Stored();
            Assert.All(known, partition => Assert.Equal(_activation, stored.Open[partition]));
            await cluster.Forget();
        }

        foreach (var partition in known)
            await Keeper.Closed(partition, _activation, null);
    }

    [Fact]
    public async Task AnActivationThatBeginsTakesBothStatesFromTheOneBefore()
    {
        await Keeper.Opened("no partition", _activation);
        var before = ETags();
        await cluster.Forget();

        await Keeper.Opened("no other partition", _activation);

        // Who has the old ones can write neither.
        var since = ETags();
        Assert.NotEqual(before.All, since.All);
        Assert.NotEqual(before.Changes, since.Changes);
        await Keeper.Closed("no partition", _activation, null);
        await Keeper.Closed("no other partition", _activation, null);
    }

    [Fact]
    public async Task NoVersionComesAgainThoughAReleaseWithoutVersionsWrote()
    {
        await Keeper.Opened("no partition", _activation);
        await Keeper.Opened("no other partition", _activation);
        var changes = Read<DeadlineChanges>(DeadlineGrain.ChangesPart);
        await cluster.Forget();
        var keeper = Keeper.GetGrainId();
        var name = StateName.Of(keeper, keptApart: true);
        cluster.States.Put(name, keeper, cluster.States.Find(name, keeper)!.ETag, Serializer.SerializeToArray(new DeadlineShelf()));

        await BrokerCluster.Until(async () =>
        {
            try
            {
                await Keeper.Opened("a third", _activation);
                return true;
            }
            catch (MqException)
            {
                // One that was called on between has what was stored before.
                return false;
            }
        });

        Assert.True(Read<DeadlineShelf>(null).Version > changes.Of);
        await Keeper.Closed("a third", _activation, null);
    }

    [Fact]
    public async Task WhatIsLongestOverdueIsWokenFirstAndNothingWaitsForTheNextLook()
    {
        List<(string Topic, long At)> woken = [];
        cluster.States.Reading = grain =>
        {
            if (grain.Key.ToString() is { } topic && topic.StartsWith("late", StringComparison.Ordinal))
                lock (woken)
                    woken.Add((topic, System.Diagnostics.Stopwatch.GetTimestamp()));
            return Task.CompletedTask;
        };
        try
        {
            // Noted before any is due.
            var due = DateTimeOffset.UtcNow.AddSeconds(4).ToUnixTimeMilliseconds();
            await Task.WhenAll(Names("late").SkipLast(1).Select(partition => Keeper.Note(partition, due)));
            await Keeper.Note(Names("late").Last(), due - 1);

            await BrokerCluster.Until(() =>
            {
                lock (woken)
                    return woken.DistinctBy(each => each.Topic).Count() == Partitions;
            });
        }
        finally
        {
            cluster.States.Reading = null;
        }

        var first = woken.DistinctBy(each => each.Topic).ToList();
        Assert.InRange(first.FindIndex(each => each.Topic == $"late{Partitions - 1}"), 0, Partitions / 2);
        // Eight looks would have been needed, a second between them.
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(first[0].At, first[^1].At).TotalSeconds, 0, 6);
    }

    private (string All, string? Changes) ETags()
    {
        var keeper = Keeper.GetGrainId();
        return (cluster.States.Find(StateName.Of(keeper, keptApart: true), keeper)!.ETag, cluster.States.Find(StateName.Of(keeper, keptApart: true, DeadlineGrain.ChangesPart), keeper)?.ETag);
    }

    private static IEnumerable<string> Names(string story) => Enumerable.Range(0, Partitions).Select(number => $"{Guid.Empty:N}/{story}{number}/0");

    private async Task Close(string story)
    {
        var open = Stored().Open;
        foreach (var partition in Names(story).Where(open.ContainsKey))
            await Keeper.Closed(partition, open[partition], null);
    }

    /// <summary>As an activation that comes next would read it.</summary>
    private DeadlineShelf Stored()
    {
        var shelf = Read<DeadlineShelf>(null);
        Read<DeadlineChanges>(DeadlineGrain.ChangesPart).Apply(shelf);
        return shelf;
    }

    private T Read<T>(string? part)
        where T : new()
    {
        var keeper = Keeper.GetGrainId();
        return cluster.States.Find(StateName.Of(keeper, keptApart: true, part), keeper) is { } found
            ? Serializer.Deserialize<T>(found.Bytes)!
            : new T();
    }
}

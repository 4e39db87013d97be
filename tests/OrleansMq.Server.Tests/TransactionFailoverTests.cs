using System.Globalization;
using OrleansMq.Conformance.Broker;
using Xunit;

namespace OrleansMq.Server.Tests;

/// <summary>Transactions while silos are lost: all of each, or nothing, and none stays undecided.</summary>
public sealed class TransactionFailoverTests : IAsyncLifetime
{
    private const int Partitions = 3;

    private readonly ThreeSilos _cluster = new();

    private IBroker Broker => _cluster.Outside;

    public Task InitializeAsync() => _cluster.InitializeAsync();

    public Task DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task EveryInputIsTransformedOnceOverAKilledSilo()
    {
        const int count = 200;
        await Broker.PutTopic("in", new());
        await Broker.PutTopic("out", new() { Partitions = Partitions });
        await Broker.Publish("in", [.. Enumerable.Range(0, count).Select(i => Message.OfText(Text(i)))]);
        var (some, committed) = (new TaskCompletionSource(), 0);
        var work = Transform(count, () =>
        {
            if (++committed == 10)
                some.TrySetResult();
        });
        await (await Task.WhenAny(some.Task, work)).WaitAsync(BrokerCluster.Enough);
        Assert.False(work.IsCompleted);

        await Kill("etl");

        await work.WaitAsync(BrokerCluster.Enough);
        for (var p = 0; p < Partitions; p++)
            Assert.Equal(Enumerable.Range(0, count).Where(i => i % Partitions == p).Select(i => Text(i)), await Bodies(p));
        Assert.Equal([new GroupOffset("in", 0, count)], await Committed());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WhatWasDecidedIsCarriedOutThoughItsSiloIsKilledBeforeTheFirstMarker(bool commit)
    {
        await Broker.PutTopic("in", new());
        await Broker.PutTopic("out", new() { Partitions = Partitions });
        await Broker.Publish("in", [Message.OfText("0")]);
        var producer = await ProducerOfTransactions.Open(Broker, "etl");
        for (var p = 0; p < Partitions; p++)
            await producer.Append("out", p, Text(p));
        await producer.AddOffsets("etl", new GroupOffset("in", 0, 1));
        var decided = Hold(commit ? "committing"u8.ToArray() : "aborting"u8.ToArray());
        var ending = Persist(async () => await Broker.Transactions!.End("etl", producer.Identity, commit, newEpoch: true));
        await decided.WaitAsync(BrokerCluster.Enough);
        Assert.NotEmpty(await Open());

        await Kill("etl");

        // The one that is asked again, on another silo, knows what was decided.
        await ending.WaitAsync(BrokerCluster.Enough);
        Assert.Empty(await Open());
        for (var p = 0; p < Partitions; p++)
            Assert.Equal(commit ? [Text(p)] : [], await Bodies(p));
        Assert.Equal(commit ? [new GroupOffset("in", 0, 1)] : [], await Committed());
        Assert.Empty(await Broker.Transactions!.Pending("etl"));
    }

    [Fact]
    public async Task ATransactionThatNobodyEndsIsAbortedThoughWhoKnewOfItIsLost()
    {
        await Broker.PutTopic("out", new());
        var producer = await ProducerOfTransactions.Open(Broker, "etl", TimeSpan.FromSeconds(20));
        await producer.Append("out", "hanging");
        await Broker.Publish("out", [Message.OfText("after")]);

        await Kill("etl");

        // Nobody asks for the transactional id: the partition does.
        await BrokerCluster.Until(async () => (await Bodies(0)).SequenceEqual(["after"]));
        var late = await Assert.ThrowsAsync<MqException>(() => Persist(async () => await Broker.Transactions!.End("etl", producer.Identity, commit: true, newEpoch: true)));
        Assert.Equal(ErrorCodes.ProducerFenced, late.Code);
    }

    /// <summary>As an application does it: where the outcome is not known, it opens its id again and goes on where the committed position says.</summary>
    private async Task Transform(int count, Action onCommitted)
    {
        ProducerOfTransactions? producer = null;
        while (true)
        {
            try
            {
                producer ??= await ProducerOfTransactions.Open(Broker, "etl");
                var at = (await Broker.Coordinator!.Committed("etl")).SingleOrDefault()?.Offset ?? 0;
                if (at == count)
                    return;
                var last = Math.Min(count, at + 2);
                for (var i = at; i < last; i++)
                    await producer.Append("out", (int)(i % Partitions), Text(i));
                await producer.AddOffsets("etl", new GroupOffset("in", 0, last));
                await producer.End(commit: true);
                onCommitted();
            }
            catch (MqException lost) when (lost.IsRetriable)
            {
                producer = null;
            }
        }
    }

    /// <summary>A call that may be made again is, until a slow machine has found its silos again.</summary>
    private static async Task<T> Persist<T>(Func<Task<T>> call)
    {
        var since = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (MqException lost) when (lost.IsRetriable && System.Diagnostics.Stopwatch.GetElapsedTime(since) < BrokerCluster.Enough)
            {
                await Task.Delay(100);
            }
        }
    }

    private Task<string[]> Bodies(int partition) => Persist(async () => (await Broker.ReadAll("out", partition)).Select(message => message.BodyText).ToArray());

    private Task<IReadOnlyList<GroupOffset>> Committed() => Persist(async () => await Broker.Coordinator!.Committed("etl"));

    /// <summary>From now on a transaction that writes this phase down comes to no more than that, until its silo is killed.</summary>
    /// <returns>Done when it is written.</returns>
    private Task Hold(byte[] phase)
    {
        var (written, never) = (new TaskCompletionSource(), new TaskCompletionSource());
        _cluster.States.Written = async (grain, bytes) =>
        {
            if (!written.Task.IsCompleted && grain.Type.ToString()!.StartsWith("transaction", StringComparison.Ordinal) && bytes.AsSpan().IndexOf(phase) >= 0)
            {
                written.SetResult();
                await never.Task;
            }
        };
        return written.Task;
    }

    private async Task<IReadOnlyList<TransactionPartition>> Open() =>
        [.. (await Task.WhenAll(Enumerable.Range(0, Partitions).Select(async p =>
        {
            using var read = await Broker.Read(new ReadRequest { Partitions = [new PartitionCursor("out", p, 0)], MinBytes = 0, Isolation = Isolation.Committed });
            Assert.Null(read.Partitions[0].Error);
            return read.Partitions[0].LastStableOffset < read.Partitions[0].End ? new TransactionPartition("out", p) : (TransactionPartition?)null;
        }))).OfType<TransactionPartition>()];

    /// <summary>Kills the silo that has the grain of a transactional id.</summary>
    private async Task Kill(string id)
    {
        var all = await _cluster.Grains();
        await _cluster.Kill(all.Single(grain => grain.GrainId.Type.ToString()!.StartsWith("transaction", StringComparison.Ordinal) && grain.GrainId.Key.ToString() == id).SiloAddress);
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

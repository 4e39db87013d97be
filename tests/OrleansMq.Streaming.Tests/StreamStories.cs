using System.Diagnostics;
using System.Text;
using Orleans.Streams;
using Xunit;

namespace OrleansMq.Streaming.Tests;

/// <summary>One silo and an external client, for the stories that need no more.</summary>
public sealed class OneSilo : IAsyncLifetime
{
    private StoryBroker _broker = null!;

    public IBroker Broker => Cluster.Broker;

    public StreamCluster Cluster { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _broker = await StoryBroker.Make();
        Cluster = await StreamCluster.Start(_broker);
    }

    public async Task DisposeAsync()
    {
        await Cluster.DisposeAsync();
        await _broker.DisposeAsync();
    }
}

public sealed class StreamStories(OneSilo silo) : IClassFixture<OneSilo>
{
    private StreamCluster Cluster => silo.Cluster;

    [Fact]
    public async Task WhatAGrainSendsReachesItsSubscriberInOrder()
    {
        var (stream, book, reader) = Reader("grain-to-grain");
        await reader.Subscribe(StreamCluster.Provider, stream);
        await Cluster.Grains.GetGrain<IReaderGrain>("sender").Send(StreamCluster.Provider, stream, Numbers(20));
        await book.UntilCount(20);
        Assert.Equal(Numbers(20), book.Texts);
    }

    [Fact]
    public async Task AnImplicitGrainGetsWhatAClientSends()
    {
        var stream = Cluster.Stream<Order>("implicit", "a");
        foreach (var each in Numbers(20))
            await stream.OnNextAsync(new Order(each));
        var book = Ledger.Of("implicit/a");
        await book.UntilCount(20);
        Assert.Equal(Numbers(20), book.Texts);
    }

    [Fact]
    public async Task AnExternalClientSubscribes()
    {
        var stream = Cluster.Stream<Order>("client", "1");
        var book = Ledger.Of("client");
        var handle = await stream.SubscribeAsync((item, token) => book.Take(item.Id, token));
        foreach (var each in Numbers(5))
            await stream.OnNextAsync(new Order(each));
        await book.UntilCount(5);
        Assert.Equal(Numbers(5), book.Texts);
        await handle.UnsubscribeAsync();
    }

    [Fact]
    public async Task ABatchIsOneRecordBatchAndComesAsABatch()
    {
        var (stream, book, reader) = Reader("batch");
        await reader.SubscribeInBatches(StreamCluster.Provider, stream);
        await Cluster.Stream<Order>("batch", "1").OnNextBatchAsync(Numbers(50).Select(each => new Order(each)).ToList());
        var receipts = await book.UntilCount(50);
        Assert.Equal(Numbers(50), receipts.Select(receipt => receipt.Text));
        Assert.All(receipts, receipt => Assert.True(receipt.Together > 1));
        var first = receipts[0].Token!.Position;
        using var read = await silo.Broker.Read(new ReadRequest { Partitions = [new PartitionCursor("events", first.Partition, first.Offset)] });
        var batches = 0;
        foreach (var batch in new Records.RecordBatchReader(read.Partitions[0].Batches))
            if (batch.BaseOffset <= first.Offset && first.Offset <= batch.LastOffset)
                batches = batch.Count;
        Assert.Equal(50, batches);
    }

    [Fact]
    public async Task JsonThatSomebodyElsePublishedIsAnEvent()
    {
        var (stream, book, reader) = Reader("json-in");
        await reader.Subscribe(StreamCluster.Provider, stream);
        await silo.Broker.Publish("events", [Message.OfJson("""{"id":"from http"}""", "json-in/1")]);
        await book.UntilCount(1);
        Assert.Equal(["from http"], book.Texts);
    }

    [Fact]
    public async Task WhatGrainsSendAsJsonIsReadByAnybody()
    {
        await Cluster.Stream<Order>("json-out", "1", StreamCluster.JsonProvider).OnNextAsync(new Order("to http"));
        var consumer = await silo.Broker.Receive("json", "others", new ReceiveRequest { Wait = TimeSpan.FromSeconds(10) });
        Assert.Equal("""{"id":"to http"}""", consumer[0].BodyText);
        Assert.Equal("json-out/1", consumer[0].KeyText);
        Assert.Equal("application/json", consumer[0].ContentType);
    }

    [Fact]
    public async Task AnIdempotencyTokenKeepsAResendOutAndReachesTheSubscriber()
    {
        var (stream, book, reader) = Reader("token");
        await reader.Subscribe(StreamCluster.Provider, stream);
        var sent = Cluster.Stream<Order>("token", "1");
        await sent.OnNextAsync(new Order("once"), "token-1");
        await sent.OnNextAsync(new Order("once"), "token-1");
        await sent.OnNextAsync(new Order("last"), "token-2");
        var receipts = await book.UntilCount(2);
        Assert.Equal(["once", "last"], book.Texts);
        Assert.Equal(["token-1", "token-2"], receipts.Select(receipt => receipt.Token!.IdempotencyToken));
    }

    [Fact]
    public async Task EachEventBringsItsOwnRequestContext()
    {
        var (stream, book, reader) = Reader("context");
        var gate = new TaskCompletionSource();
        book.Gate = gate.Task;
        await reader.Subscribe(StreamCluster.Provider, stream);
        var sent = Cluster.Stream<Order>("context", "1");
        foreach (var tenant in (string?[])["red", "blue", null])
        {
            if (tenant is null)
                RequestContext.Remove("tenant");
            else
                RequestContext.Set("tenant", tenant);
            await sent.OnNextAsync(new Order($"{tenant}"));
        }

        gate.SetResult();
        var receipts = await book.UntilCount(3);
        Assert.Equal(["red", "blue", null], receipts.Select(receipt => receipt.Context));
    }

    [Fact]
    public async Task ASubscriptionBeginsAtAnyStoredPosition()
    {
        var (stream, book, reader) = Reader("rewind");
        await reader.Subscribe(StreamCluster.Provider, stream);
        await Cluster.Grains.GetGrain<IReaderGrain>("sender").Send(StreamCluster.Provider, stream, Numbers(100));
        var receipts = await book.UntilCount(100);
        foreach (var from in (int[])[0, 57, 99])
        {
            var again = Cluster.Grains.GetGrain<IReaderGrain>($"rewind-{from}");
            await again.Subscribe(StreamCluster.Provider, stream, receipts[from].Token);
            var seen = await Ledger.Of($"rewind-{from}").UntilCount(100 - from);
            Assert.Equal(Numbers(100).Skip(from), seen.Select(receipt => receipt.Text));
            Assert.Equal(receipts.Skip(from).Select(receipt => receipt.Token), seen.Select(receipt => receipt.Token));
        }
    }

    [Fact]
    public async Task APositionOlderThanAllThatIsKeptGivesTheOldestThatIs()
    {
        var (stream, book, reader) = Reader("trimmed", StreamCluster.NarrowProvider);
        await reader.Subscribe(StreamCluster.NarrowProvider, stream);
        await Cluster.Grains.GetGrain<IReaderGrain>("sender").Send(StreamCluster.NarrowProvider, stream, Numbers(10));
        var receipts = await book.UntilCount(10);
        // Settled: otherwise the second subscription is given what the first still holds.
        var last = receipts[9].Token!.SequenceNumber;
        for (var since = Stopwatch.GetTimestamp(); (await silo.Broker.DescribeGroup("narrow", "streams-narrow")).Partitions[0].Cursor <= last;)
        {
            Assert.True(Stopwatch.GetElapsedTime(since) < TimeSpan.FromMinutes(1), "Nothing was settled in a minute.");
            await Task.Delay(20);
        }

        var kept = await silo.Broker.DeleteBefore("narrow", 0, receipts[5].Token!.SequenceNumber);
        var again = Cluster.Grains.GetGrain<IReaderGrain>("trimmed-again");
        await again.Subscribe(StreamCluster.NarrowProvider, stream, new OrleansMqSequenceToken(0, 0));
        var expected = receipts.Where(receipt => receipt.Token!.SequenceNumber >= kept).Select(receipt => receipt.Text).ToList();
        var seen = await Ledger.Of("trimmed-again").UntilCount(expected.Count);
        Assert.Equal(expected, seen.Select(receipt => receipt.Text));
    }

    [Fact]
    public async Task ATopicThatIsMadeAnewIsReadFromItsBeginning()
    {
        var (stream, book, reader) = Reader("anew", StreamCluster.AnewProvider);
        await reader.Subscribe(StreamCluster.AnewProvider, stream);
        var sender = Cluster.Grains.GetGrain<IReaderGrain>("sender");
        await sender.Send(StreamCluster.AnewProvider, stream, Numbers(20));
        await book.UntilCount(20);

        await silo.Broker.DeleteTopic("anew");
        await silo.Broker.PutTopic("anew", new() { Partitions = 1 });
        // As long as the feed has not noticed, what is sent lies below what it has read.
        await sender.Send(StreamCluster.AnewProvider, stream, ["new"]);

        Assert.Equal("new", (await book.UntilCount(21))[^1].Text);
        await sender.Send(StreamCluster.AnewProvider, stream, ["and on"]);
        Assert.Equal("and on", (await book.UntilCount(22))[^1].Text);
    }

    [Fact]
    public async Task WhoWaitsHoldsUpNobodyElseAndGetsAllOfItLater()
    {
        var (stream, slow, reader) = Reader("held", StreamCluster.NarrowProvider);
        var gate = new TaskCompletionSource();
        slow.Gate = gate.Task;
        await reader.Subscribe(StreamCluster.NarrowProvider, stream);
        await Cluster.Grains.GetGrain<IReaderGrain>("held-fast").Subscribe(StreamCluster.NarrowProvider, stream);
        var other = StreamId.Create("held", "other");
        await Cluster.Grains.GetGrain<IReaderGrain>("held-other").Subscribe(StreamCluster.NarrowProvider, other);

        // 2,000 events of 300 bytes and more: many times what one subscription may keep in memory, and more than half of the whole cache.
        var texts = Numbers(2_000).Select(each => each.PadRight(200, '.')).ToList();
        foreach (var chunk in texts.Chunk(100))
        {
            await Cluster.Stream<Order>("held", "1", StreamCluster.NarrowProvider).OnNextBatchAsync(chunk.Select(each => new Order(each)).ToList());
            await Cluster.Stream<Order>("held", "other", StreamCluster.NarrowProvider).OnNextAsync(new Order(chunk[0]));
        }

        await Ledger.Of("held-fast").UntilCount(2_000);
        await Ledger.Of("held-other").UntilCount(20);
        Assert.Empty(slow.Receipts);
        gate.SetResult();
        await slow.UntilCount(2_000);
        Assert.Equal(texts, slow.Texts);
        Assert.Equal(texts, Ledger.Of("held-fast").Texts);
    }

    [Fact]
    public async Task APoisonedEventGoesToDeadLettersWithItsReasonAndTheStreamGoesOn()
    {
        var (stream, book, reader) = Reader("poison");
        book.Refuses = text => text == "bad" ? new InvalidOperationException("no such article") : null;
        await reader.Subscribe(StreamCluster.Provider, stream);
        await Cluster.Grains.GetGrain<IReaderGrain>("sender").Send(StreamCluster.Provider, stream, ["good", "bad", "next"]);
        var receipts = await book.Until(all => all.Any(receipt => receipt.Text == "next" && receipt.Accepted), "the event behind the poisoned one");
        Assert.Equal(3, receipts.Count(receipt => receipt.Text == "bad"));
        var letters = await silo.Broker.Receive("events.streams-mq.dead", "story", new ReceiveRequest { Max = 10, Wait = TimeSpan.FromSeconds(10) });
        var letter = Assert.Single(letters, each => each.KeyText == "poison/1");
        var bad = receipts.First(receipt => receipt.Text == "bad").Token!.Position;
        Assert.Equal("InvalidOperationException: no such article", letter.Headers.Single(header => header.Key == "dead-reason").Value);
        Assert.Equal($"events:{bad}", letter.Headers.Single(header => header.Key == "dead-origin").Value);
        Assert.Equal("3", letter.Headers.Single(header => header.Key == "dead-deliveries").Value);
        await Ledger.Of("poison/errors").UntilCount(1);
        Assert.Single(Ledger.Of("poison/errors").Receipts);
    }

    [Fact]
    public async Task BytesThatAreNoEventAreRefusedLikeAnyOther()
    {
        var (stream, book, reader) = Reader("garbage");
        await reader.Subscribe(StreamCluster.Provider, stream);
        await silo.Broker.Publish("events", [new Message { Key = Encoding.UTF8.GetBytes("garbage/1"), Body = "{ no json"u8.ToArray() }, Message.OfJson("""{"id":"behind it"}""", "garbage/1")]);
        await book.UntilCount(1);
        Assert.Equal(["behind it"], book.Texts);
    }

    [Fact]
    public async Task WhoTakesBatchesAsOneGetsWhatStandsBeforeBytesThatAreNoEvent()
    {
        var (stream, book, reader) = Reader("garbage-in-batch");
        await reader.SubscribeInBatches(StreamCluster.Provider, stream);
        var messages = Numbers(10).Select(each => Message.OfJson($$"""{"id":"{{each}}"}""", "garbage-in-batch/1")).ToArray();
        messages[6] = messages[6] with { Body = "{ no json"u8.ToArray() };
        await silo.Broker.Publish("events", messages);
        await book.UntilCount(9);
        Assert.Equal(Numbers(10).Where(each => each != "6"), book.Texts);
    }

    [Fact]
    public async Task EventsOfAStreamAreFoundInWhateverPartitionTheyLie()
    {
        var (stream, book, reader) = Reader("moved");
        await reader.Subscribe(StreamCluster.Provider, stream);
        for (var round = 0; round < 3; round++)
            for (var partition = 0; partition < 4; partition++)
                await silo.Broker.Publish("events", [Message.OfJson($$"""{"id":"{{partition}}-{{round}}"}""", "moved/1") with { Partition = partition }]);
        await book.UntilCount(12);
        Assert.Equal(12, book.Texts.Distinct().Count());
        for (var partition = 0; partition < 4; partition++)
            Assert.Equal([$"{partition}-0", $"{partition}-1", $"{partition}-2"], book.Texts.Distinct().Where(text => text[0] == '0' + partition));
    }

    [Fact]
    public async Task AThousandStreamsGetEachItsOwn()
    {
        var messages = Enumerable.Range(0, 5).SelectMany(round => Enumerable.Range(0, 1_000).Select(stream =>
            Message.OfJson($$"""{"id":"{{round}}"}""", $"implicit/many-{stream}"))).ToList();
        await silo.Broker.Publish("events", messages);
        for (var stream = 0; stream < 1_000; stream++)
        {
            var book = Ledger.Of($"implicit/many-{stream}");
            await book.UntilCount(5);
            Assert.Equal(["0", "1", "2", "3", "4"], book.Texts);
        }
    }

    [Fact]
    public async Task WhoUnsubscribedGetsNothingMore()
    {
        var (stream, book, reader) = Reader("left");
        var (_, stays, other) = (stream, Ledger.Of("left-stays"), Cluster.Grains.GetGrain<IReaderGrain>("left-stays"));
        await reader.Subscribe(StreamCluster.Provider, stream);
        await other.Subscribe(StreamCluster.Provider, stream);
        var sender = Cluster.Grains.GetGrain<IReaderGrain>("sender");
        await sender.Send(StreamCluster.Provider, stream, ["before"]);
        await book.UntilCount(1);
        await reader.Unsubscribe(StreamCluster.Provider, stream);
        await sender.Send(StreamCluster.Provider, stream, ["behind"]);
        await stays.UntilCount(2);
        Assert.Equal(["before"], book.Texts);
    }

    private (StreamId Stream, Ledger Book, IReaderGrain Reader) Reader(string name, string provider = StreamCluster.Provider) =>
        (StreamId.Create(name, "1"), Ledger.Of(name), Cluster.Grains.GetGrain<IReaderGrain>(name));

    private static string[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(n => $"{n}")];
}

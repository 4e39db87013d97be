using System.Text.Json;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Both sides together: what goes into <see cref="HttpBroker"/> is what the broker behind the gateway is given, and the same back.</summary>
public sealed class HttpBrokerTests : IAsyncLifetime
{
    private Served _served = null!;
    private HttpBroker _broker = null!;

    public async Task InitializeAsync()
    {
        _served = await Served.Start();
        _broker = HttpBroker.Connect(_served.Gateway.Uri);
    }

    public async Task DisposeAsync()
    {
        await _broker.DisposeAsync();
        await _served.DisposeAsync();
    }

    // Memory and lists compare by reference: so compare what they look like.
    private static void Same<T>(T expected, object? actual) =>
        Assert.Equal(JsonSerializer.Serialize(expected), JsonSerializer.Serialize((T)actual!));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Topics(bool created)
    {
        _served.Broker.Created = created;
        _served.Broker.TopicSettings = Samples.WholeTopicChange.Over(null);
        var put = await _broker.PutTopic("t", Samples.WholeTopicChange);
        Assert.Equal(created, put.Created);
        Assert.Equal(Samples.WholeTopicChange.Over(null), put.Settings);
        Assert.Equal(Samples.WholeTopicChange, _served.Broker.TheChange("PutTopic")[1]);
        Same(put with { Created = false }, await _broker.DescribeTopic("t"));
        Assert.Equal(ErrorCodes.PartitionDamaged, put.Partitions[1].Error!.Code);

        await _broker.PutTopic("u", new TopicChange());
        Assert.Equal(new TopicChange(), _served.Broker.Changes.Last().Arguments[1]);
    }

    [Fact]
    public async Task Groups()
    {
        _served.Broker.Created = true;
        var put = await _broker.PutGroup("t", "g", Samples.WholeGroupChange);
        Same(Samples.Group with { Created = true }, put);
        Same(Samples.WholeGroupChange, _served.Broker.TheChange("PutGroup")[2]);
        Same(Samples.Group, await _broker.DescribeGroup("t", "g"));
    }

    [Fact]
    public async Task ListsAndCluster()
    {
        Same(new Page<TopicName>(["a", "b"], "b"), await _broker.ListTopics("p&x", "q", 5));
        Assert.Equal(["p&x", "q", 5], _served.Broker.Looks.Last().Arguments);
        Same(new Page<GroupName>(["g"], null), await _broker.ListGroups("t"));
        Same(Samples.Cluster, await _broker.DescribeCluster());
        Assert.Equal(new ProducerIdentity(77, 3), await _broker.OpenProducer("named"));
        Assert.Equal(["named"], _served.Broker.TheChange("OpenProducer"));
        await _broker.OpenProducer();
        Assert.Equal([null], _served.Broker.Changes.Last().Arguments);
    }

    [Fact]
    public async Task Transactions()
    {
        var (transactions, producer) = (_broker.Transactions, ScriptedTransactions.Producer);
        Assert.Equal(producer, await transactions.Open("etl/ö", TimeSpan.FromSeconds(7), new ProducerIdentity(7, 1)));
        Assert.Equal(["etl/ö", TimeSpan.FromSeconds(7), new ProducerIdentity(7, 1)], _served.Broker.TheChange("Transactions.Open"));
        await transactions.Open("etl", TimeSpan.FromSeconds(7));
        Assert.Null(_served.Broker.Changes.Last().Arguments[2]);

        var errors = await transactions.AddPartitions("etl", producer, [new TransactionPartition("t", 3), new TransactionPartition("t", 9)]);
        Assert.Equal([null, new MqError(ErrorCodes.PartitionUnavailable, "Away.", TimeSpan.FromSeconds(2))], errors);
        Same<object>(new object[] { "etl", producer, new[] { new TransactionPartition("t", 3), new TransactionPartition("t", 9) } }, _served.Broker.Changes.Last().Arguments);

        foreach (var member in (MemberRef?[])[null, new MemberRef("m", 4), new MemberRef("m", 4, "i")])
        {
            await transactions.AddOffsets("etl", producer, "g", member, [new GroupOffset("t", 3, 5, "note"), new GroupOffset("t", 4, 0)]);
            Same<object>(new object?[] { "etl", producer, new GroupName("g"), member, new[] { new GroupOffset("t", 3, 5, "note"), new GroupOffset("t", 4, 0) } }, _served.Broker.Changes.Last().Arguments);
        }

        foreach (var (commit, newEpoch) in ((bool, bool)[])[(true, true), (true, false), (false, true)])
        {
            Assert.Equal(producer, await transactions.End("etl", producer, commit, newEpoch));
            Assert.Equal(["etl", producer, commit, newEpoch], _served.Broker.Changes.Last().Arguments);
        }

        await transactions.Abort("etl/ö");
        Assert.Equal(["etl/ö"], _served.Broker.Changes.Last().Arguments);
        Assert.Equal([new TransactionPartition("t", 3)], await transactions.Pending("g"));
        Same(new Page<TransactionDescription>([ScriptedTransactions.Open], "next"), await transactions.List("a&b", 3));
        Assert.Equal(["a&b", 3], _served.Broker.Looks.Last().Arguments);

        var options = new PublishOptions { Client = "me", Transaction = new ProducerTransaction("etl/ö", producer) };
        await _broker.Publish("t", [Message.OfText("x")], options);
        Assert.Equal(options, _served.Broker.Changes.Last().Arguments[2]);
    }

    [Fact]
    public async Task MessagesArriveByteForByte()
    {
        byte[] all = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        Message[] messages =
        [
            Samples.Message,
            new() { Key = all, Body = all },
            new() { Body = " 1"u8.ToArray(), ContentType = "application/json" },
            new() { Body = "{\"a\": 1 }"u8.ToArray(), ContentType = "application/json; charset=utf-8" },
            new() { Body = "not json"u8.ToArray(), ContentType = "application/json" },
            new() { Body = "\"\\ud800\""u8.ToArray(), ContentType = "application/json" },
            Message.OfText("42"), Message.OfText("\"quoted\""), Message.OfText(""),
            new() { Key = Array.Empty<byte>(), Tombstone = true },
            new() { Headers = [new("twice", "1"), new("twice", "2")] },
            new() { DeliverAt = null, Body = default },
        ];
        var results = await _broker.Publish("t", messages, new PublishOptions { Acks = Acks.Accepted, Wait = TimeSpan.FromSeconds(1), Client = "me & you" });
        Assert.Equal(messages.Length, results.Count);
        Assert.Equal(new PublishResult(new Position(0, 3), false, null), results[3]);
        var arguments = _served.Broker.TheChange("Publish");
        Same<IReadOnlyList<Message>>(messages, arguments[1]);
        Assert.Equal(new PublishOptions { Acks = Acks.Accepted, Wait = TimeSpan.FromSeconds(1), Client = "me & you" }, arguments[2]);
    }

    [Fact]
    public async Task NoKeyStaysNoKey()
    {
        Assert.Null(Message.OfText("x").Key);
        Assert.Null(Message.OfJson("1").Key);
        await _broker.Publish("t", [new Message { Body = "1"u8.ToArray() }]);
        Assert.Null(Assert.Single((IReadOnlyList<Message>)_served.Broker.TheChange("Publish")[1]!).Key);
        var browsed = (await _served.Send("GET", "/v1/topics/t/partitions/0/messages")).Json.GetProperty("messages")[0];
        Assert.False(browsed.TryGetProperty("key", out _));
    }

    [Fact]
    public async Task ProducerWithoutANameIsKnownByItsAddress()
    {
        await _broker.Publish("t", [Samples.Message]);
        Assert.Equal("127.0.0.1", ((PublishOptions)_served.Broker.TheChange("Publish")[2]!).Client);
    }

    [Fact]
    public async Task Batches()
    {
        var plain = new AppendRequest { Topic = "t", Partition = 0, Batch = Samples.Batch("a", "b"), Acks = Acks.Durable, Producer = new ProducerSequence(1L << 40, 5, 99), Wait = TimeSpan.FromSeconds(2), Client = "c" };
        Assert.Equal(new AppendResult { BaseOffset = 0 }, await _broker.Append(plain));
        Same(plain, _served.Broker.TheChange("Append")[0]);

        _served.Broker.AppendResult = new AppendResult { BaseOffset = 5, Duplicate = true };
        Assert.Equal(new AppendResult { BaseOffset = 5, Duplicate = true }, await _broker.Append(plain with { Producer = null }));

        var rich = new AppendResult { BaseOffset = -1, Records = [new RecordOutcome(3, true), new RecordOutcome(-1, false, new MqError(ErrorCodes.AdmissionClosed, "All given."))] };
        _served.Broker.AppendResult = rich;
        Same(rich, await _broker.Append(plain with { Batch = Samples.RichBatch("t1", "t2"), Rich = true }));
    }

    [Fact]
    public async Task BatchesOfOneProducerDoNotOvertakeEachOther()
    {
        _served.Broker.Before = (_, cancel) => Task.Delay(Random.Shared.Next(3), cancel);
        using var given = new CancellationTokenSource();
        var calls = new List<Task>();
        for (var i = 0; i < 50; i++)
        {
            var request = new AppendRequest { Topic = "t", Partition = 0, Batch = Samples.Batch("x"), Producer = new ProducerSequence(7, 0, i) };
            calls.Add(_broker.Append(request, i == 25 ? given.Token : default).AsTask());
        }
        await given.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calls[25]);
        await Task.WhenAll(calls.Where((_, i) => i != 25));
        var sequences = _served.Broker.Changes.Select(change => ((AppendRequest)change.Arguments[0]!).Producer!.Value.Sequence);
        Assert.Equal(Enumerable.Range(0, 50).Where(i => i != 25), sequences);
    }

    [Fact]
    public async Task ReadsOfManyPartitions()
    {
        await _broker.Append(new AppendRequest { Topic = "t", Partition = 0, Batch = Samples.Batch("a", "b") });
        var request = new ReadRequest
        {
            Partitions = [new PartitionCursor("t", 0, 1, 500), new PartitionCursor("u", 9, 7), new PartitionCursor("t", 8, 0)],
            MinBytes = 3, MaxBytes = 7000, Wait = TimeSpan.FromMilliseconds(20), Isolation = Isolation.Committed,
            Filter = "type = 'order'", Group = "g",
        };
        using var direct = await _served.Broker.Read(request);
        using var read = await _broker.Read(request);
        Same(direct.Partitions, read.Partitions);
        Same(request, _served.Broker.Looks.Last().Arguments[0]);
        using var none = await _broker.Read(request with { Partitions = [] });
        Assert.Empty(none.Partitions);
    }

    [Fact]
    public async Task Offsets()
    {
        foreach (var at in new[] { StartAt.Earliest, StartAt.Latest, StartAt.Offset(5), StartAt.Time(ScriptedBroker.Then) })
        {
            await _broker.FindOffset("t", 3, at);
            Assert.Equal(["t", 3, at], [_served.Broker.Looks.Last().Arguments[0]!.ToString(), .. _served.Broker.Looks.Last().Arguments[1..]]);
        }
        Assert.Equal(12, await _broker.DeleteBefore("t", 3, 12));
    }

    [Fact]
    public async Task DeliveriesAndSettlements()
    {
        _served.Broker.Deliveries = [Samples.Delivery, Samples.Delivery with { DeadLetter = null, Key = null, Headers = [], Body = "1"u8.ToArray() }];
        var request = new ReceiveRequest { Max = 7, Wait = TimeSpan.FromMilliseconds(5), Lease = TimeSpan.FromSeconds(9), Consumer = "c", RequestId = "r" };
        Same(_served.Broker.Deliveries, await _broker.Receive("t", "g", request));
        Assert.Equal(request, _served.Broker.TheChange("Receive")[2]);

        LeaseId[] leases = [new(0, 0, 1, 2, 3), new(1, 2, 3, 4, 5)];
        Settlement[] settlements =
        [
            new() { Kind = SettlementKind.Acknowledge, Leases = leases, UpTo = [new Position(1, 2)] },
            Settlement.Refuse(leases, TimeSpan.FromMilliseconds(1)), Settlement.Refuse(leases),
            Settlement.Extend(leases, TimeSpan.FromSeconds(3)), Settlement.DeadLetter(leases, "bad"), Settlement.Acknowledge(),
            Settlement.Acknowledge(leases) with { Sessions = [new(leases[0], new byte[] { 0, 9 }, 4), new(leases[1], default)] },
        ];
        foreach (var settlement in settlements)
        {
            var results = await _broker.Settle("t", "g", settlement);
            Assert.Equal(settlement.Leases.Count + settlement.UpTo.Count, results.Count);
            Assert.All(results, result => Assert.True(result.Ok));
            Same(settlement, _served.Broker.Changes.Last().Arguments[2]);
        }
    }

    [Fact]
    public async Task StatesOfKeys()
    {
        var request = new SessionRequest(new byte[] { 0xFF, 0, 0x3E }) { Set = new byte[] { 1 }, Version = 7 };

        Same(Samples.Session, await _broker.Session("t", "g", new SessionRequest(request.Key)));
        Same(Samples.Session, await _broker.Session("t", "g", request));
        Same(request, _served.Broker.TheChange("Session")[2]);
        Same(Samples.Session, await _broker.Session("t", "g", new SessionRequest("k"u8.ToArray()) { Set = default(ReadOnlyMemory<byte>) }));
        Assert.Equal("""{"partition":1,"version":12,"state":"AQI="}""", (await _served.Send("GET", "/v1/topics/t/groups/g/session?keyBase64=_wA-")).Text);
        Assert.Equal(request.Key.ToArray(), ((SessionRequest)_served.Broker.Looks.Last().Arguments[2]!).Key.ToArray());
    }

    [Fact]
    public async Task MembersCommitsAndSeeks()
    {
        Same(new Assignment(4, [0, 2]), await _broker.Join("t", "g", "m", TimeSpan.FromSeconds(3)));
        await _broker.Heartbeat("t", "g", "m", 4);
        await _broker.Leave("t", "g", "m");
        CommitRequest[] commits = [new([new Position(0, 5)], "m", 4), new([new Position(1, 0)])];
        foreach (var commit in commits)
        {
            await _broker.Commit("t", "g", commit);
            Same(commit, _served.Broker.Changes.Last().Arguments[2]);
        }
        SeekRequest[] seeks = [SeekRequest.Everywhere(StartAt.Latest), SeekRequest.Everywhere(StartAt.Offset(0)), SeekRequest.Everywhere(StartAt.Time(ScriptedBroker.Then)), SeekRequest.At(new Position(0, 5))];
        foreach (var seek in seeks)
        {
            await _broker.Seek("t", "g", seek);
            Same(seek, _served.Broker.Changes.Last().Arguments[2]);
        }
    }

    [Fact]
    public async Task DeadLetters()
    {
        Assert.Equal(3, await _broker.Redrive("t", "g", DeadLetterSelection.Of(new Position(0, 1)), Samples.Message));
        Same(Samples.Message, _served.Broker.Changes.Last().Arguments[3]);
        Same(DeadLetterSelection.Of(new Position(0, 1)), _served.Broker.Changes.Last().Arguments[2]);
        Assert.Equal(2, await _broker.Discard("t", "g", DeadLetterSelection.All));
        Same(DeadLetterSelection.All, _served.Broker.Changes.Last().Arguments[2]);
        await _broker.DeleteGroup("t", "g");
        await _broker.DeleteTopic("t");
        Assert.Equal("DeleteTopic", _served.Broker.Changes.Last().Call);
    }

    [Fact]
    public async Task LostAnswerToAReceiveIsAskedAgainUnderItsId()
    {
        var attempts = 0;
        _served.Broker.Before = (_, _) => ++attempts == 1 ? throw new InvalidOperationException() : Task.CompletedTask;
        _served.Broker.Deliveries = [Samples.Delivery];
        Assert.Single(await _broker.Receive("t", "g", new ReceiveRequest()));
        var ids = _served.Broker.Changes.Select(change => ((ReceiveRequest)change.Arguments[2]!).RequestId).ToList();
        Assert.Equal(2, ids.Count);
        Assert.NotNull(ids[0]);
        Assert.Equal(ids[0], ids[1]);
    }
}

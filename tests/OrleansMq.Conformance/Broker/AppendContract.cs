using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>What is accepted is stored as it was sent, in order; what is refused leaves nothing behind.</summary>
public abstract class AppendContract : BrokerContract
{
    [Fact]
    public Task AppendedMessagesAreReadInOrder() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var first = await Publish(broker, "t", "a", "b");
        var second = await Publish(broker, "t", "c");

        Assert.Equal([new(0, 0), new(0, 1), new(0, 2)], first.Concat(second).Select(result => result.OrThrow()));
        var read = await broker.ReadAll("t");
        Assert.Equal(["a", "b", "c"], Bodies(read));
        Assert.Equal([0, 1, 2], read.Select(message => message.Position.Offset));
    });

    [Fact]
    public Task AMessageComesBackWhole() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var sent = new Message
        {
            Key = "k"u8.ToArray(),
            Body = new byte[] { 0, 255, 128 },
            ContentType = "application/x-three",
            Token = "token-1",
            CorrelationId = "c",
            ReplyTo = "answers",
            Headers = [new("a", "1"), new("a", "2"), new("ü", "")],
            Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123),
        };

        await broker.Publish("t", [sent]);

        var read = Assert.Single(await broker.ReadAll("t"));
        Assert.Equal(("k", "application/x-three", "token-1"), (read.KeyText, read.ContentType, read.Token));
        Assert.Equal(("c", "answers", sent.Timestamp), (read.CorrelationId, read.ReplyTo, read.Timestamp));
        Assert.Equal(sent.Body.ToArray(), read.Body.ToArray());
        Assert.Equal(sent.Headers, read.Headers);
    });

    [Fact]
    public Task NoKeyAnEmptyKeyAndATombstoneStayWhatTheyAre() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await broker.Publish("t", [new Message(), new Message { Key = Array.Empty<byte>() }, new Message { Key = "k"u8.ToArray(), Tombstone = true }]);

        var read = await broker.ReadAll("t");
        Assert.Equal([null, "", "k"], read.Select(message => message.KeyText));
        Assert.Equal([false, false, true], read.Select(message => message.Tombstone));
    });

    [Fact]
    public Task EqualKeysGoToTheOnePartitionThatKafkasClientsChoose() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 8 });

        var results = await broker.Publish("t", [.. Enumerable.Range(0, 40).Select(n => Text("x", $"key-{n % 10}"))]);

        for (var i = 0; i < results.Count; i++)
            Assert.Equal(Murmur2.PartitionFor(System.Text.Encoding.UTF8.GetBytes($"key-{i % 10}"), 8), results[i].OrThrow().Partition);
    });

    [Fact]
    public Task WithoutAKeyPartitionsTakeTurns() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 4 });

        var results = await Publish(broker, "t", Numbers(0, 8));

        Assert.All(results.GroupBy(result => result.OrThrow().Partition), partition => Assert.Equal(2, partition.Count()));
    });

    [Fact]
    public Task ResultsComeInTheOrderSentEvenWhereSomeAreRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });

        var results = await broker.Publish("t",
        [
            new Message { Partition = 1 },
            new Message { Partition = 2 },
            new Message { Partition = 0 },
            new Message { Partition = 1 },
        ]);

        Assert.Equal(new Position(1, 0), results[0].OrThrow());
        Assert.Equal(ErrorCodes.PartitionUnknown, results[1].Error?.Code);
        Assert.Equal(new Position(0, 0), results[2].OrThrow());
        Assert.Equal(new Position(1, 1), results[3].OrThrow());
    });

    [Fact]
    public Task ABatchWithAddedFeaturesIsStoredWithAllItsRecords() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var builder = new RecordBatchBuilder(100);
        for (var i = 0; i < 3; i++)
            MessageCodec.Append(builder, Text(Number(i)) with { Token = $"token-{i}" }, 1);

        var result = await broker.Append(new() { Topic = "t", Partition = 0, Batch = builder.Build(), Rich = true });

        Assert.Equal([0, 1, 2], result.Records!.Select(record => record.Offset));
        Assert.Equal(["0", "1", "2"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task APlainBatchIsStoredAsItIs() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "before");
        var sent = Plain("a", "b");

        var result = await broker.Append(new() { Topic = "t", Partition = 0, Batch = sent });

        Assert.Equal(1, result.BaseOffset);
        using var read = await broker.Read(new ReadRequest { Partitions = [new("t", 0, 1)] });
        var stored = RecordBatch.ReadExactly(read.Partitions[0].Batches);
        Assert.Equal(BatchFault.None, stored.Check());
        Assert.Equal(1, stored.BaseOffset);
        // Base offset and leader epoch are the broker's; all else is the producer's.
        Assert.Equal(sent.AsSpan(17).ToArray(), stored.Memory.Span[17..].ToArray());
    });

    [Fact]
    public Task ABatchThatFailsItsOwnCheckIsRefusedAndLeavesNothing() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var damaged = Plain("a", "b");
        damaged[^1] ^= 1;

        await Refused(ErrorCodes.BatchCorrupt, () => broker.Append(new() { Topic = "t", Partition = 0, Batch = damaged }));

        Assert.Empty(await broker.ReadAll("t"));
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(60)]
    [InlineData(70)]
    public Task WhatIsNotExactlyOneBatchIsRefused(int length) => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var batch = Plain("a", "b");

        var refusal = await Assert.ThrowsAsync<MqException>(async () => await broker.Append(new() { Topic = "t", Partition = 0, Batch = batch.AsMemory(0, length) }));

        Assert.Contains(refusal.Code, (string[])[ErrorCodes.BatchCorrupt, ErrorCodes.Malformed]);
        Assert.Empty(await broker.ReadAll("t"));
    });

    [Fact]
    public Task TwoBatchesAreNotOne() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var refusal = await Assert.ThrowsAsync<MqException>(async () => await broker.Append(new() { Topic = "t", Partition = 0, Batch = (byte[])[.. Plain("a"), .. Plain("b")] }));

        Assert.Contains(refusal.Code, (string[])[ErrorCodes.BatchCorrupt, ErrorCodes.Malformed]);
        Assert.Empty(await broker.ReadAll("t"));
    });

    [Fact]
    public Task AMessageOfTheLargestSizeIsTakenAndALargerOneRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessageBytes = 1000 });

        Assert.Null(Assert.Single(await broker.Publish("t", [new Message { Body = new byte[1000] }])).Error);
        await Refused(ErrorCodes.MessageTooLarge, () => broker.Publish("t", [new Message { Body = new byte[1001] }]));

        Assert.Single(await broker.ReadAll("t"));
    });

    [Fact]
    public Task AMessageTooLargeInAPlainBatchIsRefusedToo() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessageBytes = 1000 });

        await Refused(ErrorCodes.MessageTooLarge, () => broker.Append(new() { Topic = "t", Partition = 0, Batch = Plain("a", new string('x', 1001)) }));

        Assert.Empty(await broker.ReadAll("t"));
    });

    [Fact]
    public Task ABatchTooLargeIsRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessageBytes = 1000, MaxBatchBytes = 2000 });

        await Refused(ErrorCodes.BatchTooLarge, () => broker.Append(new() { Topic = "t", Partition = 0, Batch = Plain([.. Enumerable.Repeat(new string('x', 900), 3)]) }));

        Assert.Empty(await broker.ReadAll("t"));
    });

    public static TheoryData<string> RefusedMessages => [.. Malformed.Keys];

    private static readonly Dictionary<string, (Message Message, string Code)> Malformed = new()
    {
        ["empty token"] = (new() { Token = "" }, ErrorCodes.Malformed),
        ["long token"] = (new() { Token = new string('x', 257) }, ErrorCodes.Malformed),
        ["reserved header"] = (new() { Headers = [new("mq-token", "x")] }, ErrorCodes.Malformed),
        ["tombstone with body"] = (new() { Key = new byte[1], Tombstone = true, Body = new byte[1] }, ErrorCodes.Malformed),
        ["negative partition"] = (new() { Partition = -1 }, ErrorCodes.Malformed),
        ["time to live"] = (new() { TimeToLive = TimeSpan.Zero }, ErrorCodes.Malformed),
        ["priority"] = (new() { Priority = 10 }, ErrorCodes.Malformed),
        ["negative priority"] = (new() { Priority = -1 }, ErrorCodes.Malformed),
    };

    [Theory]
    [MemberData(nameof(RefusedMessages))]
    public Task AMessageThatCannotBeIsRefusedWithItsCode(string what) => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        await Refused(Malformed[what].Code, () => broker.Publish("t", [Malformed[what].Message]));

        Assert.Empty(await broker.ReadAll("t"));
    });

    [Theory]
    [InlineData(Acks.Accepted)]
    [InlineData(Acks.Durable)]
    public Task EachLevelOfAcknowledgementAnswersWithThePosition(Acks acks) => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var result = Assert.Single(await broker.Publish("t", [Text("a")], new() { Acks = acks }));

        Assert.Equal(new Position(0, 0), result.OrThrow());
    });

    [Fact]
    public Task NoMessagesAreNoResults() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        Assert.Empty(await broker.Publish("t", []));
    });

    [Fact]
    public Task ManyAppendersAtOnceLoseAndDoubleNothing() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var results = await Task.WhenAll(Enumerable.Range(0, 100).Select(async n => Assert.Single(await Publish(broker, "t", Number(n))).OrThrow().Offset));

        Assert.Equal(Enumerable.Range(0, 100).Select(n => (long)n), results.Order());
        Assert.Equal(Numbers(0, 100).Order(), Bodies(await broker.ReadAll("t")).Order());
    });

    /// <summary>So many at once that a client of a cluster sends several in one call.</summary>
    [Fact]
    public Task OfManyAppendsAtOnceEachHasItsOwnOutcome() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessageBytes = 1000 });
        var damaged = Plain("a", "b");
        damaged[^1] ^= 1;
        var large = Plain(new string('x', 1001));

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 300).Select(async n =>
        {
            var batch = (n % 3) switch { 1 => damaged, 2 => large, _ => Plain(Number(n)) };
            try
            {
                return (await broker.Append(new() { Topic = "t", Partition = 0, Batch = batch, Acks = n % 2 == 0 ? null : Acks.Durable })).BaseOffset.ToString();
            }
            catch (MqException refusal)
            {
                return refusal.Code;
            }
        }));

        var stored = await broker.ReadAll("t");
        Assert.Equal(100, stored.Count);
        for (var n = 0; n < outcomes.Length; n++)
            Assert.Equal((n % 3) switch { 1 => ErrorCodes.BatchCorrupt, 2 => ErrorCodes.MessageTooLarge, _ => Number(n) }, n % 3 == 0 ? stored[int.Parse(outcomes[n])].BodyText : outcomes[n]);
    });

    private static byte[] Plain(params string[] bodies)
    {
        var builder = new RecordBatchBuilder(100);
        foreach (var body in bodies)
            MessageCodec.Append(builder, new Message { Body = System.Text.Encoding.UTF8.GetBytes(body) }, 1_700_000_000_000);
        return builder.ToArray();
    }

    /// <summary>Twenty messages as kafka-python packs them with zstd; stored as they came, and opened where they are taken apart.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task ABatchPackedByAnotherClientIsDelivered(bool rich) => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var batch = Convert.FromBase64String(
            "AAAAAAAAAAAAAAERAAAAAAL8OW7tAAQAAAATAAABi8/laAAAAAGLz+VoE///////////////////AAAAFCi1L/1gWgS1BgBiSB8gUGXaAZJCG9xwRQ/V/ZmqqgaLNSKDgzrSjPGRj+obmVJcVW0UpU" +
            "1T5o5J0hVFFgRx37fzebivpY7Dfd9+03BfbjLMRpdFe0XJZpJgFEGuPw5rGgalRfEvJfcoSiulB6Yn6uALD14JHQjWzz2E19DQiV4tgDcFAbWAMHOPATQgwDOSMaFIosgmmyiSKLLJJookimyyAVGk" +
            "G8ilrhjGTa9vxVgXj6CsGMbN9UK5V8Aiu0JAkblCQJFdQUCRXSEgkV0hoMhcIaDIriCgyM4VBxHQBN3K");

        var stored = await broker.Append(new AppendRequest { Topic = "t", Partition = 0, Batch = batch, Rich = rich });

        Assert.Equal(0, stored.BaseOffset);
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"the value of message number {i}, the value of message"), Bodies(await broker.ReadAll("t")));
        Assert.Equal("key-1", (await Receive(broker, "t", "g"))[1].KeyText);
    });
}

using OrleansMq.Records;

namespace OrleansMq.Abstractions.Tests;

public sealed class MessageCodecTests
{
    [Fact]
    public void AMessageComesBackAsItWasSent()
    {
        var message = new Message
        {
            Key = "key"u8.ToArray(),
            Body = "body"u8.ToArray(),
            ContentType = "application/json",
            Token = "tök€n",
            CorrelationId = "c",
            ReplyTo = "answers",
            Headers = [new("a", "1"), new("a", "2"), new("b", "")],
            Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(1234567890123),
        };

        var read = RoundTrip(message);

        Assert.Equal(("key", "body", "application/json", "tök€n"), (read.KeyText, read.BodyText, read.ContentType, read.Token));
        Assert.Equal(("c", "answers", message.Timestamp), (read.CorrelationId, read.ReplyTo, read.Timestamp));
        Assert.Equal(message.Headers, read.Headers);
        Assert.Null(read.DeadLetter);
    }

    [Fact]
    public void NullAndEmptyAreNotTheSame()
    {
        Assert.Null(RoundTrip(new Message()).Key);
        Assert.Null(Message.OfText("x").Key);
        Assert.Null(Message.OfJson("1").Key);
        Assert.Equal(0, RoundTrip(new Message { Key = Array.Empty<byte>() }).Key!.Value.Length);
        Assert.False(RoundTrip(new Message()).Tombstone);
        Assert.True(RoundTrip(new Message { Key = new byte[1], Tombstone = true }).Tombstone);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void APriorityIsOneDigit(int priority)
    {
        Assert.Equal(priority, RoundTrip(new Message { Priority = priority }).Priority);
        Assert.Null(RoundTrip(new Message()).Priority);
        Assert.Equal("mq-priority".Length + 1, MessageCodec.SizeOf(new Message { Priority = priority }));
    }

    [Theory]
    [InlineData("key", null)]
    [InlineData("header:tenant", "tenant")]
    [InlineData("header:key", "key")]
    public void WhatDeliveryIsSharedBetweenGoesAsText(string text, string? header)
    {
        Assert.True(FairBy.TryParse(text, out var read, out _));
        Assert.Equal((header, text), (read!.HeaderName, read.ToString()));
        Assert.Equal(header is null ? FairBy.Key : FairBy.Header(header), read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Key")]
    [InlineData("header")]
    [InlineData("header:")]
    [InlineData("header:mq-token")]
    public void WhatDeliveryCannotBeSharedBetweenIsRefused(string text)
    {
        Assert.False(FairBy.TryParse(text, out _, out var fault));
        Assert.Contains("fairBy", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void AHeadersNameHasAtMost256Bytes()
    {
        Assert.Equal(256, FairBy.Header(new string('x', FairBy.MaxHeaderBytes)).HeaderName!.Length);
        Assert.Throws<ArgumentException>(() => FairBy.Header(new string('€', 86)));
    }

    [Fact]
    public void OnlyReservedHeadersMakeItRich()
    {
        Assert.False(MessageCodec.IsRich(new Message { Headers = [new("a", "1")] }));
        Assert.True(MessageCodec.IsRich(new Message { Token = "a" }));
        Assert.True(MessageCodec.IsRich(new Message { ContentType = "a" }));
        Assert.True(MessageCodec.IsRich(new Message { CorrelationId = "a" }));
        Assert.True(MessageCodec.IsRich(new Message { ReplyTo = "a" }));
        Assert.True(MessageCodec.IsRich(new Message { Priority = 0 }));
    }

    [Fact]
    public void SizeCountsKeyBodyAndHeaders() =>
        Assert.Equal(3 + 4 + 1 + 2 + "mq-token".Length + 5, MessageCodec.SizeOf(new Message
        {
            Key = new byte[3],
            Body = new byte[4],
            Headers = [new("a", "ü")],
            Token = "t€k",
        }));

    [Fact]
    public void DeadLetterHeadersComeBack()
    {
        var dead = new DeadLetterInfo("max-deliveries", new Position(3, 42), 16, DateTimeOffset.FromUnixTimeMilliseconds(1234567890123));
        var builder = new RecordBatchBuilder(64);
        builder.Append(0, default, false, default, true, MessageCodec.HeadersOf(dead));

        Assert.Equal(dead, Decode(builder).DeadLetter);
    }

    [Fact]
    public void ReservedHeadersThatNobodyKnowsAreHidden()
    {
        var builder = new RecordBatchBuilder(64);
        builder.Append(0, default, false, default, true, [RecordHeader.OfText("mq-later", "1"), RecordHeader.OfText("mine", "2")]);

        Assert.Equal([new("mine", "2")], Decode(builder).Headers);
    }

    public static TheoryData<Message, string> Refused => new()
    {
        { new Message { Key = new byte[1], Tombstone = true, Body = new byte[1] }, ErrorCodes.Malformed },
        { new Message { Tombstone = true }, ErrorCodes.Malformed },
        { new Message { Token = "" }, ErrorCodes.Malformed },
        { new Message { Token = new string('€', 86) }, ErrorCodes.Malformed },
        { new Message { Token = "\ud800" }, ErrorCodes.Malformed },
        { new Message { Partition = -1 }, ErrorCodes.Malformed },
        { new Message { Headers = [new("mq-token", "x")] }, ErrorCodes.Malformed },
        { new Message { Headers = [new(null!, "x")] }, ErrorCodes.Malformed },
        { new Message { Headers = [new("x", null!)] }, ErrorCodes.Malformed },
        { new Message { Headers = null! }, ErrorCodes.Malformed },
        { new Message { Timestamp = DateTimeOffset.UnixEpoch.AddMilliseconds(-1) }, ErrorCodes.Malformed },
        { new Message { DeliverAt = DateTimeOffset.UnixEpoch.AddMilliseconds(-1) }, ErrorCodes.Malformed },
        { new Message { DeliverAfter = TimeSpan.FromMilliseconds(-1) }, ErrorCodes.Malformed },
        { new Message { DeliverAt = DateTimeOffset.UnixEpoch, DeliverAfter = TimeSpan.Zero }, ErrorCodes.Malformed },
        { new Message { TimeToLive = TimeSpan.Zero }, ErrorCodes.Malformed },
        { new Message { TimeToLive = TimeSpan.FromDays(3661) }, ErrorCodes.Malformed },
        { new Message { Priority = -1 }, ErrorCodes.Malformed },
        { new Message { Priority = 10 }, ErrorCodes.Malformed },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void WhatCannotBeSentIsRefusedWithItsCode(Message message, string code) =>
        Assert.Equal(code, Assert.Throws<MqException>(() => MessageCodec.Validate(message)).Code);

    [Fact]
    public void ATokenMayHave256Bytes() => MessageCodec.Validate(new Message { Token = new string('x', MessageCodec.MaxTokenBytes) });

    [Fact]
    public void ThePartitionIsTheNamedOneElseByKeyElseByTokenElseInTurn()
    {
        uint turn = 6;

        Assert.Equal(5, PartitionChoice.Of(new Message { Partition = 5, Key = "21"u8.ToArray() }, 8, ref turn));
        Assert.Equal(Murmur2.PartitionFor("21"u8, 8), PartitionChoice.Of(new Message { Key = "21"u8.ToArray(), Token = "x" }, 8, ref turn));
        Assert.Equal(Murmur2.PartitionFor("x"u8, 8), PartitionChoice.Of(new Message { Token = "x" }, 8, ref turn));
        Assert.Equal([6, 7, 0], [PartitionChoice.Of(new(), 8, ref turn), PartitionChoice.Of(new(), 8, ref turn), PartitionChoice.Of(new(), 8, ref turn)]);
        Assert.Equal(ErrorCodes.PartitionUnknown, Assert.Throws<MqException>(() => PartitionChoice.Of(new Message { Partition = 8 }, 8, ref turn)).Code);
    }

    private static StoredMessage RoundTrip(Message message)
    {
        var builder = new RecordBatchBuilder(64);
        MessageCodec.Append(builder, message, nowMs: 7);
        return Decode(builder);
    }

    private static StoredMessage Decode(RecordBatchBuilder builder)
    {
        foreach (var record in RecordBatch.ReadExactly(builder.Build()).Records())
            return MessageCodec.Decode(0, record);
        throw new InvalidOperationException("There is no record.");
    }
}

namespace OrleansMq.Abstractions.Tests;

/// <summary>What requesters and responders decide by themselves.</summary>
public sealed class RequestingTests
{
    private static StoredMessage Request(long offset = 0, string? correlationId = "c", string? token = null) => new()
    {
        Position = new(0, offset),
        Timestamp = default,
        ReplyTo = "replies/3",
        CorrelationId = correlationId,
        Token = token,
    };

    [Theory]
    [InlineData("replies", null)]
    [InlineData("replies/0", 0)]
    [InlineData("replies/17", 17)]
    public void AnAddressIsATopicAndMaybeAPartition(string text, int? partition)
    {
        Assert.True(ReplyAddress.TryParse(text, out var address));
        Assert.Equal(("replies", partition, text), (address.Topic.Text, address.Partition, address.ToString()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/1")]
    [InlineData("replies/")]
    [InlineData("replies/-1")]
    [InlineData("replies/+1")]
    [InlineData("replies/1/2")]
    [InlineData("replies/99999999999")]
    [InlineData("amq.rabbitmq.reply-to xyz")]
    public void WhatIsNoAddressIsNotTaken(string? text) => Assert.False(ReplyAddress.TryParse(text, out _));

    [Fact]
    public void AReplyGoesWhereTheRequestSaysUnderATokenOfTheRequest()
    {
        var reply = Replies.To(Request(), Message.OfText("yes"));

        Assert.Equal((3, "c"), (reply.Partition, reply.CorrelationId));
        Assert.Equal("next", Replies.To(Request(), new Message { ReplyTo = "next" }).ReplyTo);
        Assert.Equal(reply.Token, Replies.To(Request(), Message.OfText("otherwise")).Token);
        string?[] others = [reply.Token, Replies.To(Request(offset: 1), reply).Token, Replies.To(Request(correlationId: "d"), reply).Token, Replies.To(Request(token: "t"), reply).Token,
            Replies.To(Request() with { Timestamp = DateTimeOffset.UnixEpoch }, reply).Token];
        Assert.Equal(others.Length, others.Distinct().Count());
        MessageCodec.Validate(Replies.To(Request(token: new string('t', 256), correlationId: new string('c', 10_000)), Message.OfText("")));
        Assert.Equal(ErrorCodes.Malformed, Assert.Throws<MqException>(() => Replies.To(Request() with { ReplyTo = null }, reply)).Code);
    }

    [Theory]
    [InlineData("MaxReplyTopics")]
    [InlineData("ReplyRetryFor")]
    public void AnOptionOfAResponderOutOfItsRangeIsNamed(string name)
    {
        var options = name == "MaxReplyTopics" ? new ResponderOptions { MaxReplyTopics = 0 } : new ResponderOptions { ReplyRetryFor = TimeSpan.Zero };

        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => new Responder(new StoringBroker(), "t", "g", (_, _) => Task.FromResult(new Message()), options)).ParamName);
        Assert.Equal(TimeSpan.FromSeconds(30), new ResponderOptions().ReplyRetryFor);
    }

    [Theory]
    [InlineData("ReplyPartition", -1)]
    [InlineData("ReplyPartitions", 0)]
    [InlineData("MaxInFlight", 0)]
    [InlineData("MaxTopics", 0)]
    [InlineData("Timeout", 0)]
    [InlineData("Timeout", 86_400_001)]
    public void AnOptionOutOfItsRangeIsNamed(string name, int value)
    {
        var options = name switch
        {
            "ReplyPartition" => new RequesterOptions { ReplyPartition = value },
            "ReplyPartitions" => new RequesterOptions { ReplyPartitions = value },
            "MaxInFlight" => new RequesterOptions { MaxInFlight = value },
            "MaxTopics" => new RequesterOptions { MaxTopics = value },
            _ => new RequesterOptions { Timeout = TimeSpan.FromMilliseconds(value) },
        };

        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => new Requester(new StoringBroker(), options)).ParamName);
        Assert.Equal((10_000, 1_000, 100), (new RequesterOptions().MaxInFlight, new RequesterOptions().MaxTopics, new ResponderOptions().MaxReplyTopics));
    }

    [Fact]
    public async Task ARequestThatCanNotBeOneIsRefusedBeforeAnythingIsSent()
    {
        await using var requester = new Requester(new StoringBroker());

        foreach (var request in new[] { new Message { CorrelationId = "mine" }, new Message { ReplyTo = "mine" }, new Message { Half = new HalfTerms("g") } })
            Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(() => requester.Request("t", request))).Code);
        Assert.Equal(ErrorCodes.Malformed, (await Assert.ThrowsAsync<MqException>(() => requester.Request("t", new(), TimeSpan.FromDays(2)))).Code);
    }

    [Fact]
    public async Task ATopicMakesRoomForAnotherWhenItsMessagesAreStored()
    {
        var broker = new StoringBroker();
        await using var producers = new ProducersByTopic(broker, new() { CloseTimeout = TimeSpan.Zero }, 2, TimeProvider.System);
        await producers.Send("a", Message.OfText("1"), default);
        await producers.Send("b", Message.OfText("2"), default);
        await producers.Send("a", Message.OfText("3"), default);
        await producers.Send("c", Message.OfText("4"), default);
        Assert.Equal(2, producers.Count);

        broker.Gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var (first, second) = (producers.Send("a", Message.OfText("5"), default), producers.Send("c", Message.OfText("6"), default));
        Assert.Equal(ErrorCodes.Overloaded, (await Assert.ThrowsAsync<MqException>(() => producers.Send("d", Message.OfText("7"), default))).Code);
        broker.Gate.SetResult();
        await Task.WhenAll(first, second);
        await producers.Send("d", Message.OfText("8"), default);

        Assert.Equal(["a", "b", "a", "c", "a", "c", "d"], broker.Appended);
    }

    [Fact]
    public async Task AProducerThatHasEndedGivesItsPlaceToANewOne()
    {
        var broker = new StoringBroker { Refusal = new MqException(ErrorCodes.ProducerFenced, "Another has its id.") };
        await using var producers = new ProducersByTopic(broker, new() { CloseTimeout = TimeSpan.Zero }, 1, TimeProvider.System);
        Assert.Equal(ErrorCodes.ProducerFenced, (await Assert.ThrowsAsync<MqException>(() => producers.Send("a", Message.OfText("1"), default))).Code);

        broker.Refusal = null;
        await producers.Send("a", Message.OfText("2"), default);

        Assert.Equal(["a"], broker.Appended);
    }

    private sealed class StoringBroker : SilentBroker
    {
        public List<string> Appended { get; } = [];

        public TaskCompletionSource? Gate { get; set; }

        public MqException? Refusal { get; set; }

        public override ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default) =>
            new(new TopicDescription { Name = topic, Settings = new(), Partitions = [new(0, "", 0, 0, 0)] });

        public override ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default) => new(new ProducerIdentity(1, 0));

        public override async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
        {
            if (Refusal is { } refusal)
                throw refusal;
            lock (Appended)
                Appended.Add(request.Topic.Text);
            if (Gate is { } gate)
                await gate.Task;
            return new AppendResult { BaseOffset = 0, Records = [new(0, false)] };
        }
    }
}

using System.Collections.Concurrent;
using Xunit;
using static OrleansMq.Conformance.Broker.ShakyBroker;

namespace OrleansMq.Conformance.Broker;

/// <summary>Requests and their replies over this broker.</summary>
public abstract class RequestReplyContract : BrokerContract
{
    private static readonly RequesterOptions OnePartition = new() { ReplyPartitions = 1 };

    [Fact]
    public Task ARequestEndsWithItsReply() => Story(async broker =>
    {
        await broker.PutTopic("sums", new() { Partitions = 2 });
        await using var responder = broker.Respond("sums", "adders", (request, _) => Task.FromResult(
            Message.OfJson("""{"sum":5}""") with { Headers = [new("of", request.BodyText)] }), time: ClientTime);
        await using var requester = broker.CreateRequester(time: ClientTime);

        var reply = await Until(requester.Request("sums", Text("2+3", key: "k") with { Headers = [new("tenant", "t")] }));

        Assert.Equal(("""{"sum":5}""", "application/json", "2+3"), (reply.BodyText, reply.ContentType, Assert.Single(reply.Headers).Value));
        Assert.Equal((0, 1L, 0L), (requester.Statistics.InFlight, requester.Statistics.Replied, requester.Statistics.TimedOut));
        Assert.Equal(RequesterOptions.DefaultReplyPartitions, (await broker.DescribeTopic("replies")).Partitions.Count);
    });

    [Fact]
    public Task ThousandsAreInFlightOverOneReader() => Story(async broker =>
    {
        const int count = 2_000;
        await broker.PutTopic("t", new() { Partitions = 4 });
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var responder = broker.Respond("t", "g", async (request, _) =>
        {
            await gate.Task;
            return Text("re " + request.BodyText);
        }, new() { Workers = 64 }, ClientTime);
        await using var requester = broker.CreateRequester(time: ClientTime);

        var requests = Numbers(0, count).Select(number => requester.Request("t", Text(number), TimeSpan.FromMinutes(10))).ToList();
        await Until(All());
        gate.SetResult();
        var replies = await Until(Task.WhenAll(requests));

        Assert.Equal(Numbers(0, count).Select(number => "re " + number), Bodies(replies));

        async Task All()
        {
            while (requester.Statistics.InFlight < count)
                await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
        }
    });

    [Fact]
    public Task RequestersThatShareAPartitionHaveTheirOwnReplies() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var responder = broker.Respond("t", "g", (request, _) => Task.FromResult(Text("re " + request.BodyText)), time: ClientTime);
        await using var one = broker.CreateRequester(OnePartition, ClientTime);
        await using var other = broker.CreateRequester(OnePartition, ClientTime);

        var replies = await Until(Task.WhenAll(one.Request("t", Text("1")), other.Request("t", Text("2"))));
        await Until(other.Request("t", Text("3")));
        await Until(one.Request("t", Text("4")));

        Assert.Equal(["re 1", "re 2"], Bodies(replies));
        Assert.Equal(2, one.Statistics.Replied);
        Assert.True(one.Statistics.Foreign >= 1);
    });

    [Fact]
    public Task AHandlerThatThrowsRefusesAndTheRequestIsDone() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var responder = broker.Respond("t", "g", (request, _) => request.BodyText switch
        {
            "meant" => throw new ReplyErrorException("out-of-stock", "None left."),
            "dead" => throw new DeadLetterException("Never."),
            "again" when request.DeliveryCount == 1 => throw new RefuseException(TimeSpan.Zero),
            "again" => Task.FromResult(Text("at last")),
            _ => throw new InvalidOperationException("The password is 123."),
        }, time: ClientTime);
        await using (responder)
        {
            await using var requester = broker.CreateRequester(time: ClientTime);

            var meant = await Refusal(requester, "meant");
            var failed = await Refusal(requester, "bug");
            var dead = await Refusal(requester, "dead");

            Assert.Equal(("out-of-stock", "None left."), (meant.Code, meant.Message));
            Assert.Equal((Replies.HandlerFailed, false), (failed.Code, failed.Message.Contains("123", StringComparison.Ordinal)));
            Assert.Equal(Replies.HandlerFailed, dead.Code);
            Assert.Equal("at last", (await Until(requester.Request("t", Text("again")))).BodyText);
        }

        // A reply may be read before its sender knows that it is stored.
        Assert.Equal((4L, 3L), (responder.Statistics.Replied, responder.Statistics.Refused));
        Assert.Equal(0, (await broker.DescribeGroup("t", "g")).Partitions[0].Lag);
        Assert.Equal("Never.", Assert.Single(await broker.ReadAll("t.g.dlq")).DeadLetter!.Reason);
    });

    [Fact]
    public Task AHandlerThatSetsARequestAsideLeavesItUnansweredUntilItIsFetched() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var aside = new TaskCompletionSource<Position>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var responder = broker.Respond("t", "g", (request, _) =>
        {
            aside.TrySetResult(request.Position);
            throw new DeferException();
        }, time: ClientTime);
        await using var requester = broker.CreateRequester(OnePartition, ClientTime);

        var request = requester.Request("t", Text("a"), TimeSpan.FromMinutes(10));
        var fetched = await Until(Fetched(await Until(aside.Task)));

        Assert.Equal(("a", 2, false), (fetched.BodyText, fetched.DeliveryCount, request.IsCompleted));
        Assert.Empty(await broker.ReadAll("replies"));
        await broker.Reply(fetched, Text("at last"));
        await Acknowledge(broker, "t", "g", fetched);
        Assert.Equal("at last", (await Until(request)).BodyText);
        Assert.Equal((0L, 0L, 0L), (responder.Statistics.Replied, responder.Statistics.Refused, (await broker.DescribeGroup("t", "g")).Partitions[0].Lag));

        // The handler throws before the message is aside.
        async Task<Delivery> Fetched(Position position)
        {
            while (!request.IsCompleted)
            {
                if (await broker.Receive("t", "g", new() { Consumer = "later", Deferred = [position] }) is [var delivery])
                    return delivery;
                await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
            }

            throw new InvalidOperationException("The request was answered.", request.Exception);
        }
    });

    [Fact]
    public Task WhereNoBrokerTakesTheReplyTheRequestComesAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { MaxDeliveries = 2, Backoff = Change<IReadOnlyList<TimeSpan>>.To([]) });
        await broker.PutTopic("replies", new());
        await broker.PutTopic("unheard", new());
        var (replies, handled) = (0, new ConcurrentQueue<(string, int)>());
        // A proxy on the way: for the first reply here, for all of them there.
        var line = BrokerProxy.Over(broker, (call, arguments) =>
        {
            if (call == nameof(IBroker.Append) && (((AppendRequest)arguments[0]!).Topic == "unheard" || Interlocked.Increment(ref replies) == 1))
                throw new MqException(ErrorCodes.NotABroker, "A proxy answered.");
        });
        await using var responder = line.Respond("t", "g", (request, _) =>
        {
            handled.Enqueue((request.BodyText, request.DeliveryCount));
            return Task.FromResult(Text("re " + request.BodyText));
        }, time: ClientTime);

        await broker.Publish("t", [Text("a") with { ReplyTo = "replies", CorrelationId = "1" }]);
        await Until(Settled(1));
        Assert.Equal(["re a"], Bodies(await broker.ReadAll("replies")));
        await broker.Publish("t", [Text("b") with { ReplyTo = "unheard", CorrelationId = "2" }]);
        await Until(Settled(3));

        Assert.Equal([("a", 1), ("a", 2), ("b", 1), ("b", 2)], handled);
        Assert.Equal("b", Assert.Single(await broker.ReadAll("t.g.dlq")).BodyText);

        async Task Settled(int count)
        {
            while (handled.Count < count || (await broker.DescribeGroup("t", "g")).Partitions[0].Lag > 0)
                await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
        }
    });

    [Fact]
    public Task WithoutAReplyTheTimeIsOut() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var requester = broker.CreateRequester(OnePartition, ClientTime);

        // As long as storing it may take on a busy machine.
        var (late, times) = ("", 0);
        for (var timeout = TimeSpan.FromMilliseconds(250); timeout < Patience && !late.Contains("is stored", StringComparison.Ordinal); timeout *= 2, times++)
            late = (await Assert.ThrowsAsync<TimeoutException>(() => Until(requester.Request("t", Text("a"), timeout)))).Message;

        Assert.Matches("is stored in t at 0:[0-9]+, and nobody has replied", late);
        Assert.Equal((0, (long)times), (requester.Statistics.InFlight, requester.Statistics.TimedOut));
    });

    [Fact]
    public Task ALateReplyAndAForeignOneAreDroppedAndCounted() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var requester = broker.CreateRequester(OnePartition, ClientTime);
        using var cancel = new CancellationTokenSource();
        var slow = requester.Request("t", Text("slow"), cancel: cancel.Token);
        var delivery = await Next(broker, "t", "g");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Until(slow));

        await broker.Reply(delivery, Text("too late"));
        await Publish(broker, "replies", "without a correlation id");
        var request = requester.Request("t", Text("quick"));
        await broker.Reply(await Next(broker, "t", "g"), Text("in time"));

        Assert.Equal("in time", (await Until(request)).BodyText);
        Assert.Equal((1L, 1L, 1L), (requester.Statistics.Replied, requester.Statistics.Late, requester.Statistics.Foreign));
    });

    [Fact]
    public Task AReplyThatComesTwiceCompletesOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var requester = broker.CreateRequester(OnePartition, ClientTime);
        var first = requester.Request("t", Text("1"));
        var delivery = await Next(broker, "t", "g");
        // Without the token that holds the second one back at the broker.
        var reply = Replies.To(delivery, Text("re 1")) with { Token = null };
        await broker.Publish("replies", [reply, reply]);
        var second = requester.Request("t", Text("2"));
        await broker.Reply(await Next(broker, "t", "g"), Text("re 2"));

        Assert.Equal(["re 1", "re 2"], Bodies(await Until(Task.WhenAll(first, second))));
        Assert.Equal((2L, 1L), (requester.Statistics.Replied, requester.Statistics.Late));
    });

    [Fact]
    public Task ARequestThatIsDeliveredAgainHasOneReply() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var requester = broker.CreateRequester(OnePartition, ClientTime);
        var request = requester.Request("t", Text("a") with { Token = "order-1" });
        var delivery = await Next(broker, "t", "g");
        var first = await broker.Reply(delivery, Text("first"));
        await Refuse(broker, "t", "g", TimeSpan.Zero, delivery);

        var again = await Next(broker, "t", "g");
        var second = await broker.Reply(again, Text("second"));

        Assert.Equal((2, false, true, first.Position), (again.DeliveryCount, first.Duplicate, second.Duplicate, second.Position));
        Assert.Equal("first", (await Until(request)).BodyText);
        Assert.Single(await broker.ReadAll("replies"));
    });

    [Fact]
    public Task ACancelledRequestWaitsNoLonger() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var requester = broker.CreateRequester(time: ClientTime);
        using var cancel = new CancellationTokenSource();
        var request = requester.Request("t", Text("a"), cancel: cancel.Token);
        await Next(broker, "t", "g");

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Until(request));
        Assert.Equal((0, 0L), (requester.Statistics.InFlight, requester.Statistics.TimedOut));
    });

    [Fact]
    public Task ARequesterThatIsClosedTellsThoseThatWait() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var requester = broker.CreateRequester(time: ClientTime);
        var request = requester.Request("t", Text("a"));
        await Next(broker, "t", "g");

        await Until(requester.DisposeAsync().AsTask());

        Assert.Equal(ErrorCodes.OutcomeUnknown, (await Assert.ThrowsAsync<MqException>(() => request)).Code);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => requester.Request("t", Text("b")));
    });

    [Fact]
    public Task ARequestToNoTopicIsRefusedAndTheNextGoesOn() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var responder = broker.Respond("t", "g", (_, _) => Task.FromResult(Text("yes")), time: ClientTime);
        await using var requester = broker.CreateRequester(time: ClientTime);

        var refusal = await Assert.ThrowsAsync<MqException>(() => Until(requester.Request("nowhere", Text("a"))));

        Assert.Equal(ErrorCodes.TopicUnknown, refusal.Code);
        Assert.Equal("yes", (await Until(requester.Request("t", Text("b")))).BodyText);
    });

    [Fact]
    public Task WhatAsksForNoReplyIsHandledAndDone() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await Publish(broker, "t", "one way");
        await broker.Publish("t", [Text("nowhere") with { ReplyTo = "no such topic" }, Text("gone") with { ReplyTo = "gone" }]);
        var handled = new ConcurrentQueue<string>();

        await using (var responder = broker.Respond("t", "g", (request, _) =>
        {
            handled.Enqueue(request.BodyText);
            return Task.FromResult(Text("ignored"));
        }, time: ClientTime))
            await Until(Settled());

        Assert.Equal(["one way", "gone"], handled);
        Assert.Contains("no such topic", Assert.Single(await broker.ReadAll("t.g.dlq")).DeadLetter!.Reason, StringComparison.Ordinal);

        async Task Settled()
        {
            while (handled.Count < 2 || (await broker.DescribeGroup("t", "g")).Partitions[0].Lag > 0)
                await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
        }
    });

    [Fact]
    public Task AReplyThatTheTopicDoesNotTakeIsARefusal() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutTopic("replies", new() { MaxMessageBytes = 2_000 });
        await using var responder = broker.Respond("t", "g", (_, _) => Task.FromResult(Text(new string('x', 3_000))), time: ClientTime);
        await using var requester = broker.CreateRequester(time: ClientTime);

        Assert.Equal(Replies.ReplyUnfit, (await Refusal(requester, "a")).Code);
    });

    [Fact]
    public Task WhereRepliesFindNoRoomTheRequestComesAgainAndIsADeadLetterInTheEnd() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "g", new() { MaxDeliveries = 2, Backoff = Change<IReadOnlyList<TimeSpan>>.To([]) });
        await broker.PutTopic("replies", new() { MaxMessages = 1 });
        await Publish(broker, "replies", "in the way");
        var (handled, errors) = (new ConcurrentQueue<int>(), new ConcurrentQueue<Exception>());
        await using var responder = broker.Respond("t", "g", (request, _) =>
        {
            handled.Enqueue(request.DeliveryCount);
            return Task.FromResult(Text("re " + request.BodyText));
        }, new() { ReplyRetryFor = TimeSpan.FromMilliseconds(300), OnError = errors.Enqueue }, ClientTime);

        await broker.Publish("t", [Text("a") with { ReplyTo = "replies", CorrelationId = "c" }]);
        await Until(Settled(handled, 2));
        Assert.Equal("a", Assert.Single(await broker.ReadAll("t.g.dlq")).BodyText);
        Assert.Contains(errors, e => e is MqException { Code: ErrorCodes.BacklogFull });
        await broker.PutTopic("replies", new() { MaxMessages = 10 });
        await broker.Redrive("t", "g", DeadLetterSelection.All);
        await Until(Settled(handled, 3));

        Assert.Equal([1, 2, 1], handled);
        Assert.Equal(["in the way", "re a"], Bodies(await broker.ReadAll("replies")));

        async Task Settled(ConcurrentQueue<int> handled, int count)
        {
            while (handled.Count < count || (await broker.DescribeGroup("t", "g")).Partitions[0].Lag > 0)
                await Task.Delay(TimeSpan.FromMilliseconds(5), ClientTime);
        }
    });

    [Fact]
    public Task ATopicOfRepliesThatWasDeletedIsMadeAgain() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var responder = broker.Respond("t", "g", (request, _) => Task.FromResult(Text("re " + request.BodyText)), time: ClientTime);
        await using var requester = broker.CreateRequester(OnePartition, ClientTime);
        await Until(requester.Request("t", Text("1")));

        await broker.DeleteTopic("replies");
        await Until(MadeAgain());

        Assert.Equal("re 2", (await Until(requester.Request("t", Text("2")))).BodyText);

        async Task MadeAgain()
        {
            while (!(await broker.ListTopics("replies")).Items.Contains("replies"))
                await Task.Delay(TimeSpan.FromMilliseconds(20), ClientTime);
        }
    });

    [Fact]
    public Task ATopicOfRepliesThatWasMadeAgainWithFewerPartitionsIsReadWhereItCan() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutTopic("replies", new() { Partitions = 4 });
        await using var responder = broker.Respond("t", "g", (request, _) => Task.FromResult(Text("re " + request.BodyText)), time: ClientTime);
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        // One that made it again by itself would race with the story.
        await using var requester = broker.CreateRequester(new() { ReplyPartition = 3, CreateReplyTopic = false, ReadWait = TimeSpan.FromMilliseconds(100), OnError = Hear }, ClientTime);
        await Until(requester.Request("t", Text("1")));

        await broker.DeleteTopic("replies");
        await broker.PutTopic("replies", new() { Partitions = 1 });
        // A request before that is sent, and waits in vain.
        await Until(heard.Task);
        Assert.Equal(ErrorCodes.PartitionUnknown, (await Assert.ThrowsAsync<MqException>(() => Until(requester.Request("t", Text("2"))))).Code);
        await broker.GrowTopic("replies", 4);

        Assert.Equal("re 3", (await Until(requester.Request("t", Text("3")))).BodyText);

        void Hear(Exception e)
        {
            if (e is MqException { Code: ErrorCodes.PartitionUnknown })
                heard.TrySetResult();
        }
    });

    [Fact]
    public Task EveryRequestIsAnsweredOnceOverABadLine() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        await broker.PutGroup("t", "g", new() { Backoff = Change<IReadOnlyList<TimeSpan>>.To([]) });
        var line = ShakyBroker.Around(broker, new Dictionary<string, Func<int, Fate>>
        {
            [nameof(IBroker.Append)] = n => n % 3 == 1 ? Fate.AnswerLost : n % 5 == 2 ? Fate.Refused : Fate.Passes,
            [nameof(IBroker.Read)] = n => n % 4 == 0 ? Fate.AnswerLost : n % 4 == 1 ? Fate.Refused : Fate.Passes,
            [nameof(IBroker.FindOffset)] = n => n == 0 ? Fate.Refused : Fate.Passes,
            [nameof(IBroker.DescribeTopic)] = n => n == 0 ? Fate.Refused : Fate.Passes,
            [nameof(IBroker.Receive)] = n => n % 3 == 1 ? Fate.AnswerLost : Fate.Passes,
            [nameof(IBroker.Settle)] = n => n % 2 == 0 ? Fate.AnswerLost : Fate.Passes,
        });
        var responder = line.Respond("t", "g", (request, _) => Task.FromResult(Text("re " + request.BodyText)), new() { Workers = 4 }, ClientTime);
        var requester = line.CreateRequester(OnePartition with { ReadWait = TimeSpan.FromMilliseconds(200) }, ClientTime);

        var replies = await Until(Task.WhenAll(Numbers(0, 60).Select(number => requester.Request("t", Text(number), TimeSpan.FromMinutes(10)))));

        Assert.Equal(Numbers(0, 60).Select(number => "re " + number), Bodies(replies));
        // Closing repeats what fails, too.
        await Until(requester.DisposeAsync().AsTask());
        await Until(responder.DisposeAsync().AsTask());
        Assert.Equal(60, (await broker.ReadAll("t")).Count);
        Assert.Equal(60, (await broker.ReadAll("replies")).Count);
    });

    private async Task<ReplyErrorException> Refusal(Requester requester, string body) =>
        await Assert.ThrowsAsync<ReplyErrorException>(() => Until(requester.Request("t", Text(body))));

    /// <summary>The next message, once it is there.</summary>
    private async Task<Delivery> Next(IBroker broker, TopicName topic, GroupName group) =>
        Assert.Single(await Until(broker.Receive(topic, group, new() { Consumer = "c", Wait = Patience }).AsTask()));
}

/// <inheritdoc cref="RequestReplyContract"/>
public abstract class TimedRequestReplyContract : BrokerContract
{
    [Fact]
    public Task WhatNobodyWaitsForAnyMoreIsNotDelivered() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var requester = broker.CreateRequester(time: ClientTime);
        await Assert.ThrowsAsync<TimeoutException>(() => Until(requester.Request("t", Text("gone"), TimeSpan.FromSeconds(5))));

        Assert.Empty(await Receive(broker, "t", "g"));
    });

    [Fact]
    public Task BeyondTheLimitARequestWaitsForRoomWithinItsTime() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await using var requester = broker.CreateRequester(new() { MaxInFlight = 1 }, ClientTime);
        var first = requester.Request("t", Text("first"), TimeSpan.FromMinutes(1));
        var second = requester.Request("t", Text("second"), TimeSpan.FromSeconds(2));

        var late = await Assert.ThrowsAsync<TimeoutException>(() => Until(second));
        Assert.Contains("waited for room", late.Message, StringComparison.Ordinal);
        var third = requester.Request("t", Text("third"), TimeSpan.FromMinutes(1));
        await broker.Reply(await ReceiveOne(broker, "t", "g"), Text("re first"));
        await Until(first);
        await Time.Pass(TimeSpan.FromMilliseconds(100));
        await broker.Reply(await ReceiveOne(broker, "t", "g"), Text("re third"));

        Assert.Equal("re third", (await Until(third)).BodyText);
    });
}

using OrleansMq.Conformance;

namespace OrleansMq.Abstractions.Tests;

public sealed class ProducerTests
{
    private readonly ManualTime _time = new();
    private readonly TaskCompletionSource _gate = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public void WhatIsSentIsStoredInOrderAndAnswered() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker();
        await using var producer = new Producer(broker, "t", time: _time);

        var sent = SendAll(producer, 0, 100);

        var results = await Task.WhenAll(sent);
        Assert.Equal(Numbers(0, 100), broker.Bodies());
        Assert.Equal(Enumerable.Range(0, 100).Select(n => new Position(0, n)), results.Select(result => result.Position));
    });

    [Fact]
    public void MessagesThatComeWhileABatchIsInFlightAreOneBatch() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Hold = (call, _) => call == 0 ? _gate.Task : Task.CompletedTask };
        await using var producer = new Producer(broker, "t", time: _time);

        var first = producer.Send(Body(0));
        var others = SendAll(producer, 1, 500);
        _gate.SetResult();

        await first;
        await Task.WhenAll(others);
        Assert.Equal(2, broker.Appends.Count);
    });

    [Fact]
    public void NothingOvertakesTheFirstBatchOfAProducer() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Hold = (call, _) => call == 0 ? _gate.Task : Task.CompletedTask };
        await using var producer = new Producer(broker, "t", new() { BatchMessages = 1 }, _time);

        var sent = SendAll(producer, 0, 20);

        Assert.Single(broker.Appends);
        _gate.SetResult();
        await Until(Task.WhenAll(sent));
        Assert.Equal(Numbers(0, 20), broker.Bodies());
    });

    [Fact]
    public void ABatchThatWasNeverSentBeforeAndIsTakenForOldIsNotCalledStored() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Script = (call, _) => call == 0 ? Fault.Refused(ErrorCodes.SequenceOld) : null };
        await using var producer = new Producer(broker, "t", time: _time);

        var refusal = await Assert.ThrowsAsync<MqException>(() => Until(producer.Send(Body(0))));

        Assert.Equal(ErrorCodes.SequenceOld, refusal.Code);
    });

    /// <summary>As in one process on a busy machine: the new id is there at once, and the delay before the next try is over before anybody looks.</summary>
    [Fact]
    public async Task AnOrderThatTheBrokerLostIsBegunAnewThoughNothingTakesTime()
    {
        var broker = new LogBroker { Script = (call, _) => call == 1 ? Fault.Refused(ErrorCodes.SequenceGap) : null };
        await using var producer = new Producer(broker, "t", time: new TimeFlies());
        await producer.Send(Body(0));

        await producer.Send(Body(1)).WaitAsync(TimeSpan.FromMinutes(1));

        Assert.Equal(Numbers(0, 2), broker.Bodies());
    }

    /// <summary>A second has gone by at each look.</summary>
    private sealed class TimeFlies : TimeProvider
    {
        private long _now;

        public override long GetTimestamp() => Interlocked.Add(ref _now, TimestampFrequency);
    }

    [Fact]
    public void ALostReplyStoresNothingTwice() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Script = (call, _) => call == 0 ? Fault.ReplyLost : null };
        await using var producer = new Producer(broker, "t", time: _time);

        var sent = producer.Send(Body(0));

        var result = await Until(sent);
        Assert.Equal(new Position(0, 0), result.Position);
        Assert.True(result.Duplicate);
        Assert.Equal(Numbers(0, 1), broker.Bodies());
    });

    [Fact]
    public void AnUnavailablePartitionIsRetriedWithoutEndAndInOrder() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Script = (call, _) => call < 200 ? Fault.Unavailable : null };
        await using var producer = new Producer(broker, "t", new() { BatchMessages = 10 }, _time);

        var sent = SendAll(producer, 0, 100);

        await Until(Task.WhenAll(sent));
        Assert.Equal(Numbers(0, 100), broker.Bodies());
    });

    [Fact]
    public void FaultsOfEveryKindInFlightKeepOrderAndStoreOnce() => StoryThread.Run(async () =>
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var chance = new Random(seed);
            var broker = new LogBroker
            {
                Script = (_, _) =>
                {
                    lock (chance)
                        return chance.Next(6) switch { 0 => Fault.ReplyLost, 1 => Fault.RequestLost, 2 => Fault.Unavailable, _ => null };
                },
                // Calls in flight overtake one another.
                Hold = async (_, _) =>
                {
                    int turns;
                    lock (chance)
                        turns = chance.Next(4);
                    while (turns-- > 0)
                        await Task.Yield();
                },
            };
            await using var producer = new Producer(broker, "t", new() { BatchMessages = 3, RetrySeed = seed }, _time);

            var sent = SendAll(producer, 0, 100);

            var results = await Until(Task.WhenAll(sent));
            Assert.Equal(Numbers(0, 100), broker.Bodies());
            Assert.Equal(Enumerable.Range(0, 100).Select(n => (long)n), results.Select(result => result.Position.Offset));
        }
    });

    [Fact]
    public void ARefusalInTheMiddleFailsItsMessagesAndTheOthersGoOn() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Script = (_, request) => BodiesOf(request).Contains("5") ? Fault.Refused(ErrorCodes.Forbidden) : null };
        broker.Hold = (call, _) => call == 0 ? _gate.Task : Task.CompletedTask;
        await using var producer = new Producer(broker, "t", new() { BatchMessages = 1 }, _time);

        var sent = SendAll(producer, 0, 20);
        _gate.SetResult();

        for (var i = 0; i < sent.Length; i++)
        {
            if (i == 5)
                Assert.Equal(ErrorCodes.Forbidden, (await Assert.ThrowsAsync<MqException>(() => Until(sent[5]))).Code);
            else
                await Until(sent[i]);
        }

        Assert.Equal(Numbers(0, 20).Where(body => body != "5"), broker.Bodies());
        Assert.Equal(1, broker.OpenedProducers);
    });

    [Fact]
    public void ARefusalAmongLostRepliesStoresTheOthersOnceAndInOrder() => StoryThread.Run(async () =>
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var chance = new Random(seed);
            var broker = new LogBroker
            {
                Script = (_, request) =>
                {
                    if (BodiesOf(request).Contains("50"))
                        return Fault.Refused(ErrorCodes.Malformed);
                    lock (chance)
                        return chance.Next(4) switch { 0 => Fault.ReplyLost, 1 => Fault.RequestLost, _ => null };
                },
                Hold = async (_, _) => await Task.Yield(),
            };
            await using var producer = new Producer(broker, "t", new() { BatchMessages = 2, RetrySeed = seed }, _time);

            var sent = SendAll(producer, 0, 100);

            var refused = 0;
            foreach (var each in sent)
                refused += await Outcome(each) is null ? 0 : 1;
            Assert.Equal(100 - refused, broker.Bodies().Length);
            Assert.InRange(refused, 1, 2);
            Assert.Equal(broker.Bodies().OrderBy(int.Parse), broker.Bodies());
        }
    });

    [Fact]
    public void AMessageThatIsTooLargeDoesNotTakeItsNeighboursWithIt() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { RefuseBodiesOver = 10, Hold = (call, _) => call == 0 ? _gate.Task : Task.CompletedTask };
        await using var producer = new Producer(broker, "t", time: _time);
        var first = producer.Send(Body(0));
        var before = SendAll(producer, 1, 20);
        var large = producer.Send(new Message { Body = new byte[11] });
        var after = SendAll(producer, 21, 20);

        _gate.SetResult();

        await Until(Task.WhenAll([first, .. before, .. after]));
        Assert.Equal(ErrorCodes.MessageTooLarge, await Outcome(large));
        Assert.Equal(Numbers(0, 41), broker.Bodies());
    });

    [Fact]
    public void AdmissionTakesExactlyItsNumber() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Admit = 37, Hold = (call, _) => call == 0 ? _gate.Task : Task.CompletedTask };
        await using var producer = new Producer(broker, "t", time: _time);

        var sent = SendAll(producer, 0, 1000);
        _gate.SetResult();

        var stored = 0;
        foreach (var each in sent)
            stored += await Outcome(each) is null ? 1 : 0;
        Assert.Equal(37, stored);
        Assert.Equal(Numbers(0, 37), broker.Bodies());
        Assert.InRange(broker.Appends.Count, 1, 40);
    });

    [Fact]
    public void WhereTheBrokerForgotTheProducerItGoesOnUnderANewId() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker();
        await using var producer = new Producer(broker, "t", time: _time);
        await producer.Send(Body(0));
        broker.ForgetProducers();

        var sent = SendAll(producer, 1, 10);

        await Until(Task.WhenAll(sent));
        Assert.Equal(Numbers(0, 11), broker.Bodies());
        Assert.Equal(2, broker.OpenedProducers);
    });

    [Fact]
    public void AFencedProducerEnds() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Script = (call, _) => call == 1 ? Fault.Refused(ErrorCodes.ProducerFenced) : null };
        await using var producer = new Producer(broker, "t", new() { Name = "billing" }, _time);
        await producer.Send(Body(0));

        Assert.Equal(ErrorCodes.ProducerFenced, await Outcome(producer.Send(Body(1))));

        Assert.Equal(ErrorCodes.ProducerFenced, await Outcome(producer.Send(Body(2))));
    });

    [Fact]
    public void AfterRetryForTheMessageFails() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Script = (_, _) => Fault.Unavailable };
        await using var producer = new Producer(broker, "t", new() { RetryFor = TimeSpan.FromSeconds(30) }, _time);
        var began = _time.GetUtcNow();

        Assert.Equal(ErrorCodes.PartitionUnavailable, await Outcome(producer.Send(Body(0))));

        Assert.InRange(_time.GetUtcNow() - began, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(32));
    });

    [Fact]
    public void TheBrokersHintIsHonoured() => StoryThread.Run(async () =>
    {
        var hint = TimeSpan.FromSeconds(7);
        var broker = new LogBroker { Script = (call, _) => call == 0 ? new Fault(new MqException(ErrorCodes.RateLimited, "Slower.", hint)) : null };
        await using var producer = new Producer(broker, "t", time: _time);
        var began = _time.GetUtcNow();

        await Until(producer.Send(Body(0)));

        Assert.Equal(hint, _time.GetUtcNow() - began);
    });

    [Fact]
    public void ASenderWaitsWhileTheBufferIsFull() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Hold = (_, _) => _gate.Task };
        await using var producer = new Producer(broker, "t", new() { MaxBufferedBytes = 10_000 }, _time);
        var large = new Message { Body = new byte[6000] };
        await producer.Enqueue(large);

        var second = producer.Enqueue(large).AsTask();

        Assert.False(second.IsCompleted);
        _gate.SetResult();
        await second;
        await producer.Flush();
        Assert.Equal(2, broker.Bodies().Length);
    });

    [Fact]
    public void AMessageTakenBackWhileItWaitsIsNotSent() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Hold = (_, _) => _gate.Task };
        await using var producer = new Producer(broker, "t", new() { MaxBufferedBytes = 1000 }, _time);
        using var cancel = new CancellationTokenSource();
        var first = producer.Send(new Message { Body = new byte[900] });
        var second = producer.Send(new Message { Body = new byte[900] }, cancel.Token);

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        _gate.SetResult();
        await first;
        await producer.Flush();
        Assert.Single(broker.Bodies());
    });

    [Fact]
    public void LingerGathersUntilItsTime() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker();
        await using var producer = new Producer(broker, "t", new() { Linger = TimeSpan.FromMilliseconds(50) }, _time);
        var sent = SendAll(producer, 0, 10);
        Assert.Empty(broker.Appends);

        await Until(Task.WhenAll(sent));

        Assert.Single(broker.Appends);
    });

    [Fact]
    public void OnlyABatchWithReservedHeadersIsRich() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker();
        await using var producer = new Producer(broker, "t", time: _time);

        await producer.Send(new Message { Body = new byte[1], Headers = [new("colour", "blue")] });
        await producer.Send(new Message { Body = new byte[1], Token = "a" });

        Assert.Equal([false, true], broker.Appends.Select(append => append.Rich));
    });

    [Fact]
    public void KeysChooseThePartitionAsKafkaDoes() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker(new() { Partitions = 8 });
        await using var producer = new Producer(broker, "t", time: _time);

        var result = await producer.Send(Message.OfText("x", key: "21"));

        Assert.Equal(Records.Murmur2.PartitionFor("21"u8, 8), result.Position.Partition);
    });

    [Fact]
    public void ClosingWaitsForWhatWasAccepted() => StoryThread.Run(async () =>
    {
        var broker = new LogBroker { Hold = (_, _) => _gate.Task };
        var producer = new Producer(broker, "t", time: _time);
        var sent = SendAll(producer, 0, 10);

        var closing = producer.DisposeAsync().AsTask();
        Assert.False(closing.IsCompleted);
        _gate.SetResult();

        await closing;
        Assert.All(sent, each => Assert.True(each.IsCompletedSuccessfully));
    });

    [Fact]
    public async Task ManyThreadsKeepTheOrderOfEachOne()
    {
        var broker = new LogBroker(new() { Partitions = 4 }) { Script = (call, _) => call % 7 == 3 ? Fault.ReplyLost : null };
        await using (var producer = new Producer(broker, "t", new() { MaxBufferedBytes = 10_000, RetryDelay = TimeSpan.FromMilliseconds(1) }))
        {
            await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(async () =>
            {
                for (var i = 0; i < 2000; i++)
                    await producer.Enqueue(Body(i) with { Partition = thread });
            })));
            await producer.Flush();
        }

        for (var thread = 0; thread < 4; thread++)
            Assert.Equal(Numbers(0, 2000), broker.Bodies(thread));
    }

    private static Message Body(int number) => Message.OfText(number.ToString(System.Globalization.CultureInfo.InvariantCulture)) with { ContentType = null };

    private static Task<PublishResult>[] SendAll(Producer producer, int from, int count) =>
        [.. Enumerable.Range(from, count).Select(number => producer.Send(Body(number)))];

    private static string[] Numbers(int from, int count) => [.. Enumerable.Range(from, count).Select(number => $"{number}")];

    private static string[] BodiesOf(AppendRequest request)
    {
        List<string> bodies = [];
        foreach (var record in Records.RecordBatch.ReadExactly(request.Batch).Records())
            bodies.Add(MessageCodec.Decode(0, record).BodyText);
        return [.. bodies];
    }

    private async Task<string?> Outcome(Task<PublishResult> sent)
    {
        try
        {
            await Until(sent);
            return null;
        }
        catch (MqException e)
        {
            return e.Code;
        }
    }

    private Task<T> Until<T>(Task<T> task) => _time.Until(task);
}

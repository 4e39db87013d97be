using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>Limits hold exactly, over all partitions, and a refusal changes nothing.</summary>
public abstract class LimitContract : BrokerContract
{
    [Fact]
    public Task AFullBacklogRefusesUntilItIsSettled() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2, MaxMessages = 4 });
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "1", "2", "3", "4");

        var refusal = await Refused(ErrorCodes.BacklogFull, () => broker.Publish("t", [Text("5")]));
        Assert.NotNull(refusal.RetryAfter);
        Assert.Equal(4, (await broker.ReadAll("t")).Count);
        await Acknowledge(broker, "t", "g", [.. await Receive(broker, "t", "g")]);

        await Publish(broker, "t", "5");
    });

    [Fact]
    public Task WithoutADeclaredGroupTheBacklogIsWhatIsStored() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 2 });
        await Publish(broker, "t", "1", "2");

        await Refused(ErrorCodes.BacklogFull, () => broker.Publish("t", [Text("3")]));
    });

    [Fact]
    public Task AGroupMadeByFirstUseHoldsNothingBack() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 2 });
        await broker.PutGroup("t", "declared", new());
        await Publish(broker, "t", "1", "2");
        await Receive(broker, "t", "passer-by");
        await Acknowledge(broker, "t", "declared", [.. await Receive(broker, "t", "declared")]);

        await Publish(broker, "t", "3");
    });

    [Fact]
    public Task AGroupThatIsDeclaredAfterItsFirstUseIsBacklogFromThenOn() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 2 });
        await broker.PutGroup("t", "worker", new());
        Assert.Empty(await Receive(broker, "t", "g"));
        for (var i = 0; i < 2; i++)
        {
            await Publish(broker, "t", "1", "2");
            await Acknowledge(broker, "t", "worker", [.. await Receive(broker, "t", "worker")]);
        }

        await broker.PutGroup("t", "g", new());

        await Refused(ErrorCodes.BacklogFull, () => broker.Publish("t", [Text("3")]));
    });

    [Fact]
    public Task TheBacklogInBytesRefusesToo() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxBytes = 10_000 });
        await broker.PutGroup("t", "g", new());
        await broker.Publish("t", [new Message { Body = new byte[8000] }]);

        await Refused(ErrorCodes.BacklogFull, () => broker.Publish("t", [new Message { Body = new byte[8000] }]));

        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));
        await broker.Publish("t", [new Message { Body = new byte[8000] }]);
    });

    [Fact]
    public Task AGroupsOwnLimitRefusesToo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        await broker.PutGroup("t", "slow", new() { MaxMessages = 2 });
        await broker.PutGroup("t", "quick", new());
        await Publish(broker, "t", "1", "2");
        await Acknowledge(broker, "t", "quick", [.. await Receive(broker, "t", "quick")]);

        var refusal = await Refused(ErrorCodes.BacklogFull, () => broker.Publish("t", [Text("3")]));

        Assert.Contains("slow", refusal.Message, StringComparison.Ordinal);
    });

    [Fact]
    public Task DropOldestKeepsTheNewestAndCountsTheGap() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 3, WhenFull = WhenFull.DropOldest });
        await broker.PutGroup("t", "g", new());

        for (var i = 0; i < 10; i++)
            await Publish(broker, "t", Number(i));

        Assert.Equal(Numbers(7, 3), Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(7, (await broker.DescribeGroup("t", "g")).Partitions[0].Dropped);
    });

    [Fact]
    public Task AFullTopicThatWaitsTakesTheMessageWhenThereIsRoom() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 1, WhenFull = WhenFull.Wait });
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "1");

        var waiting = broker.Publish("t", [Text("2")], new() { Wait = Patience }).AsTask();
        Assert.False(waiting.IsCompleted);
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));

        Assert.Null(Assert.Single(await waiting).Error);
    });

    [Fact]
    public Task AdmissionTakesExactlyItsNumberOverAllPartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 4, Admit = 25 });

        var results = await Task.WhenAll(Enumerable.Range(0, 60).Select(n => Sent(() => broker.Publish("t", [Text(Number(n), $"k-{n}")]))));

        Assert.Equal(25, results.Count(code => code is null));
        Assert.All(results.Where(code => code is not null), code => Assert.Equal(ErrorCodes.AdmissionClosed, code));
        Assert.Equal(25, (await broker.ReadAll("t")).Count);
    });

    [Fact]
    public Task TheRetryOfAnAdmittedMessageStaysAdmitted() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Admit = 1 });
        var first = Assert.Single(await broker.Publish("t", [Text("a") with { Token = "x" }]));
        await Refused(ErrorCodes.AdmissionClosed, () => broker.Publish("t", [Text("b") with { Token = "y" }]));

        var again = Assert.Single(await broker.Publish("t", [Text("a") with { Token = "x" }]));

        Assert.Equal((first.OrThrow(), true), (again.OrThrow(), again.Duplicate));
        await Refused(ErrorCodes.AdmissionClosed, () => broker.Publish("t", [Text("b") with { Token = "y" }]));
    });

    [Fact]
    public Task TheRetryOfAnAdmittedSequenceStaysAdmitted() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Admit = 1 });
        var producer = await broker.OpenProducer();
        var builder = new RecordBatchBuilder(100);
        MessageCodec.Append(builder, new Message { Body = new byte[1] }, 1);
        var append = new AppendRequest { Topic = "t", Partition = 0, Batch = builder.ToArray(), Producer = new(producer.Id, producer.Epoch, 0) };
        await broker.Append(append);

        Assert.True((await broker.Append(append)).Duplicate);

        await Refused(ErrorCodes.AdmissionClosed, () => broker.Append(append with { Producer = new(producer.Id, producer.Epoch, 1) }));
    });

    [Fact]
    public Task ARaisedAdmissionTakesTheDifference() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Admit = 1 });
        await Publish(broker, "t", "1");

        await broker.PutTopic("t", new() { Admit = 2 });

        await Publish(broker, "t", "2");
        await Refused(ErrorCodes.AdmissionClosed, () => broker.Publish("t", [Text("3")]));
    });

    private static async Task<string?> Sent(Func<ValueTask<IReadOnlyList<PublishResult>>> publish)
    {
        try
        {
            return Assert.Single(await publish()).Error?.Code;
        }
        catch (MqException refused)
        {
            return refused.Code;
        }
    }
}

/// <inheritdoc cref="LimitContract"/>
public abstract class TimedLimitContract : BrokerContract
{
    [Fact]
    public Task ATopicsRateRefusesWithAHintThatIsTrue() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { RatePerSecond = 10 });

        var refusal = await SendUntilRefused(broker, "");
        Assert.Equal(ErrorCodes.RateLimited, refusal.Code);
        await Time.Pass(refusal.RetryAfter!.Value);

        await Publish(broker, "t", "again");
    });

    [Fact]
    public Task EachProducerHasItsOwnRate() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { ProducerRatePerSecond = 10 });

        Assert.Equal(ErrorCodes.RateLimited, (await SendUntilRefused(broker, "eager")).Code);

        await broker.Publish("t", [Text("a")], new() { Client = "modest" });
    });

    [Fact]
    public Task AFullTopicThatWaitsRefusesAfterTheRequestsTime() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { MaxMessages = 1, WhenFull = WhenFull.Wait });
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "1");
        var began = Time.GetUtcNow();

        var refusal = await Assert.ThrowsAsync<MqException>(() => Time.Until(broker.Publish("t", [Text("2")], new() { Wait = TimeSpan.FromSeconds(7) }).AsTask()));

        Assert.Equal(ErrorCodes.BacklogFull, refusal.Code);
        Assert.Equal(7, (Time.GetUtcNow() - began).TotalSeconds, 1.0);
        Assert.Single(await broker.ReadAll("t"));
    });

    private static async Task<MqException> SendUntilRefused(IBroker broker, string client)
    {
        for (var i = 0; i < 100; i++)
        {
            try
            {
                await broker.Publish("t", [Text(Number(i))], new() { Client = client });
            }
            catch (MqException refused)
            {
                return refused;
            }
        }

        throw new InvalidOperationException("100 messages at once passed a rate of 10 a second.");
    }
}

/// <summary>Nothing unsettled is removed unless the topic says so; what is settled goes after its time.</summary>
public abstract class TimedRetentionContract : BrokerContract
{
    [Fact]
    public Task WhatADeclaredGroupHasNotSettledStays() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Retention = TimeSpan.FromHours(1) });
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a", "b");
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));

        await Time.Pass(TimeSpan.FromHours(5));

        Assert.Equal(["b"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task WhatHigherPrioritiesWentPastStays() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Retention = TimeSpan.FromHours(1) });
        await broker.PutGroup("t", "g", new() { Priority = true });
        await broker.Publish("t", [Text("low") with { Priority = 0 }, Text("high") with { Priority = 9 }]);
        await Acknowledge(broker, "t", "g", await ReceiveOne(broker, "t", "g"));

        await Time.Pass(TimeSpan.FromHours(5));

        Assert.Equal(["low"], Bodies(await Receive(broker, "t", "g")));
    });

    [Fact]
    public Task WhatIsSettledGoesAfterTheRetentionAndNotBefore() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Retention = TimeSpan.FromHours(1) });
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a", "b");
        await Acknowledge(broker, "t", "g", [.. await Receive(broker, "t", "g")]);

        await Time.Pass(TimeSpan.FromMinutes(55));
        Assert.Equal(["a", "b"], Bodies(await broker.ReadAll("t")));
        await Time.Pass(TimeSpan.FromMinutes(10));

        Assert.Empty(await broker.ReadAll("t"));
        Assert.Equal((2, 2), ((await broker.DescribeTopic("t")).Partitions[0].Start, (await broker.DescribeTopic("t")).Partitions[0].End));
    });

    [Fact]
    public Task WhereTheTopicSaysSoRetentionWinsAndTheGapIsCounted() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Retention = TimeSpan.FromHours(1), KeepUnsettled = false });
        await broker.PutGroup("t", "g", new());
        await Publish(broker, "t", "a", "b");

        await Time.Pass(TimeSpan.FromHours(2));
        await Publish(broker, "t", "c");

        Assert.Equal(["c"], Bodies(await Receive(broker, "t", "g")));
        Assert.Equal(2, (await broker.DescribeGroup("t", "g")).Partitions[0].Dropped);
    });

    [Fact]
    public Task AGroupMadeByFirstUseKeepsNothing() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Retention = TimeSpan.FromHours(1) });
        await Publish(broker, "t", "a");
        await ReceiveOne(broker, "t", "passer-by");

        await Time.Pass(TimeSpan.FromHours(2));

        Assert.Empty(await broker.ReadAll("t"));
    });
}

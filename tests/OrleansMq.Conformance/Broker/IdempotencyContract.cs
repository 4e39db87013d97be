using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Conformance.Broker;

/// <summary>A message that is sent again is not stored again, by its token or by its producer's sequence.</summary>
public abstract class IdempotencyContract : BrokerContract
{
    [Fact]
    public Task SameTokenIsStoredOnceAndAnswersTheFirstPosition() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var first = Assert.Single(await broker.Publish("t", [Text("a") with { Token = "x" }]));
        await Publish(broker, "t", "between");

        var again = Assert.Single(await broker.Publish("t", [Text("a") with { Token = "x" }]));

        Assert.False(first.Duplicate);
        Assert.Equal((first.OrThrow(), true), (again.OrThrow(), again.Duplicate));
        Assert.Equal(["a", "between"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task ATokenTwiceInOneBatchIsStoredOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var results = await broker.Publish("t", [Text("a") with { Token = "x" }, Text("b") with { Token = "y" }, Text("c") with { Token = "x" }, Text("d")]);

        Assert.Equal([false, false, true, false], results.Select(result => result.Duplicate));
        Assert.Equal(results[0].OrThrow(), results[2].OrThrow());
        Assert.Equal(["a", "b", "d"], Bodies(await broker.ReadAll("t")));
        Assert.Equal([0, 1, 2], (await broker.ReadAll("t")).Select(message => message.Position.Offset));
    });

    [Fact]
    public Task ATokenWithoutAKeyMeetsItsFirstAmongManyPartitions() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 8 });
        var tokens = Enumerable.Range(0, 50).Select(n => new Message { Token = $"token-{n}" }).ToArray();

        var first = await broker.Publish("t", tokens);
        var again = await broker.Publish("t", tokens);

        Assert.Equal(first.Select(result => result.OrThrow()), again.Select(result => result.OrThrow()));
        Assert.All(again, result => Assert.True(result.Duplicate));
    });

    [Fact]
    public Task OneTokenFromManySendersAtOnceIsStoredOnce() => Story(async broker =>
    {
        await broker.PutTopic("t", new());

        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ => Assert.Single(await broker.Publish("t", [Text("a") with { Token = "x" }]))));

        Assert.Single(results, result => !result.Duplicate);
        Assert.All(results, result => Assert.Equal(new Position(0, 0), result.OrThrow()));
        Assert.Single(await broker.ReadAll("t"));
    });

    [Fact]
    public Task BeyondTheWindowsCountTheOldestTokenIsForgotten() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { TokenCount = 2 });
        foreach (var token in "xyz")
            await broker.Publish("t", [new Message { Token = $"{token}" }]);

        Assert.True(Assert.Single(await broker.Publish("t", [new Message { Token = "z" }])).Duplicate);
        Assert.False(Assert.Single(await broker.Publish("t", [new Message { Token = "x" }])).Duplicate);
    });

    [Fact]
    public Task ADuplicateSequenceAnswersTheFirstOffset() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();
        var first = await Append(broker, producer, 0, "a", "b");

        var again = await Append(broker, producer, 0, "a", "b");

        Assert.Equal((0, false), (first.BaseOffset, first.Duplicate));
        Assert.Equal((0, true), (again.BaseOffset, again.Duplicate));
        Assert.Equal(["a", "b"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task TheLastFiveBatchesOfAProducerAreRemembered() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();
        for (var i = 0; i < 6; i++)
            await Append(broker, producer, i, Number(i));

        for (var i = 1; i < 6; i++)
        {
            var again = await Append(broker, producer, i, Number(i));
            Assert.Equal((i, true), (again.BaseOffset, again.Duplicate));
        }

        Assert.Equal(Numbers(0, 6), Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task ASequenceGapIsRefusedAndLeavesNothing() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();
        await Append(broker, producer, 0, "a");

        await Refused(ErrorCodes.SequenceGap, () => Append(broker, producer, 2, "c"));

        await Append(broker, producer, 1, "b");
        Assert.Equal(["a", "b"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task AnUnknownProducerBeginsAtZero() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();

        await Refused(ErrorCodes.ProducerUnknown, () => Append(broker, producer, 1, "b"));

        await Append(broker, producer, 0, "a");
        await Append(broker, producer, 1, "b");
        Assert.Equal(["a", "b"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task AnEpochBeginsAtZeroInEachPartition() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var first = await broker.OpenProducer("name");
        await Append(broker, first, 0, "a");
        var second = await broker.OpenProducer("name");

        await Refused(ErrorCodes.SequenceGap, () => Append(broker, second, 1, "b"));

        await Append(broker, second, 0, "b");
        Assert.Equal(["a", "b"], Bodies(await broker.ReadAll("t")));
    });

    [Fact]
    public Task EachPartitionHasItsOwnSequence() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { Partitions = 2 });
        var producer = await broker.OpenProducer();

        await Append(broker, producer, 0, "a");
        var other = await broker.Append(new() { Topic = "t", Partition = 1, Batch = Batch("b"), Producer = new(producer.Id, producer.Epoch, 0) });

        Assert.False(other.Duplicate);
    });

    [Fact]
    public Task TheBatchsOwnProducerAndSequenceCountToo() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var producer = await broker.OpenProducer();
        var builder = new RecordBatchBuilder(100);
        MessageCodec.Append(builder, new Message { Body = new byte[1] }, 1);
        var batch = builder.ToArray(producerId: producer.Id, producerEpoch: producer.Epoch, baseSequence: 0);

        await broker.Append(new() { Topic = "t", Partition = 0, Batch = batch });
        var again = await broker.Append(new() { Topic = "t", Partition = 0, Batch = batch });

        Assert.True(again.Duplicate);
        Assert.Single(await broker.ReadAll("t"));
    });

    [Fact]
    public Task ANamedProducerKeepsItsIdAtAHigherEpoch() => Story(async broker =>
    {
        var first = await broker.OpenProducer("billing");
        var second = await broker.OpenProducer("billing");
        var other = await broker.OpenProducer("shipping");

        Assert.Equal(first.Id, second.Id);
        Assert.True(second.Epoch > first.Epoch);
        Assert.NotEqual(first.Id, other.Id);
        Assert.NotEqual((await broker.OpenProducer()).Id, (await broker.OpenProducer()).Id);
    });

    [Fact]
    public Task AFencedEpochIsRefused() => Story(async broker =>
    {
        await broker.PutTopic("t", new());
        var old = await broker.OpenProducer("billing");
        await Append(broker, old, 0, "a");
        var now = await broker.OpenProducer("billing");

        await Refused(ErrorCodes.ProducerFenced, () => Append(broker, old, 1, "b"));
        await Append(broker, now, 0, "c");
        await Refused(ErrorCodes.ProducerFenced, () => Append(broker, old, 1, "b"));

        Assert.Equal(["a", "c"], Bodies(await broker.ReadAll("t")));
    });

    private static async ValueTask<AppendResult> Append(IBroker broker, ProducerIdentity producer, int sequence, params string[] bodies) =>
        await broker.Append(new() { Topic = "t", Partition = 0, Batch = Batch(bodies), Producer = new(producer.Id, producer.Epoch, sequence) });

    private static byte[] Batch(params string[] bodies)
    {
        var builder = new RecordBatchBuilder(100);
        foreach (var body in bodies)
            MessageCodec.Append(builder, new Message { Body = System.Text.Encoding.UTF8.GetBytes(body) }, 1);
        return builder.ToArray();
    }
}

/// <inheritdoc cref="IdempotencyContract"/>
public abstract class TimedIdempotencyContract : BrokerContract
{
    [Fact]
    public Task ATokenIsForgottenAfterItsAgeAndNotBefore() => Story(async broker =>
    {
        await broker.PutTopic("t", new() { TokenAge = TimeSpan.FromMinutes(10) });
        await broker.Publish("t", [new Message { Token = "x" }]);

        await Time.Pass(TimeSpan.FromMinutes(9));
        Assert.True(Assert.Single(await broker.Publish("t", [new Message { Token = "x" }])).Duplicate);
        await Time.Pass(TimeSpan.FromMinutes(2));
        Assert.False(Assert.Single(await broker.Publish("t", [new Message { Token = "x" }])).Duplicate);
    });
}

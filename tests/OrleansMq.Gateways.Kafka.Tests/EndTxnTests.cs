using OrleansMq.Gateways.Kafka.Protocol;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>A new epoch at the end of every transaction, for clients that ask so.</summary>
public sealed class EndTxnTests : IAsyncLifetime
{
    private Served _served = null!;
    private RawClient _client = null!;

    public async Task InitializeAsync()
    {
        _served = await Served.Start();
        await _served.Broker.PutTopic("t", new TopicChange());
        _client = await _served.Connect();
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _served.DisposeAsync();
    }

    [Theory]
    [InlineData(3, 0)]
    [InlineData(4, 0)]
    [InlineData(5, 1)]
    public async Task ByVersion5TheProducerIsToldItsNextEpochAndItsLastOneIsFenced(short version, short raisedBy)
    {
        var first = await Init();
        Assert.Equal(KafkaError.None, await AddPartition(first));

        var (error, next) = await End(first, version);

        Assert.Equal(KafkaError.None, error);
        Assert.Equal(version >= 5 ? first with { Epoch = (short)(first.Epoch + raisedBy) } : null, next);
        Assert.Equal(raisedBy == 0 ? KafkaError.None : KafkaError.InvalidProducerEpoch, await AddPartition(first));
        if (next is { } after)
            Assert.Equal(KafkaError.None, await AddPartition(after));
    }

    [Fact]
    public async Task AnEndThatIsSentAgainIsAnsweredAsTheFirst()
    {
        var first = await Init();
        await AddPartition(first);

        var (answer, again) = (await End(first, 5), await End(first, 5));

        Assert.Equal(answer, again);
        Assert.Equal((KafkaError.None, first with { Epoch = (short)(first.Epoch + 1) }), answer);
        Assert.Equal((KafkaError.InvalidProducerEpoch, new ProducerIdentity(-1, -1)), await End(first with { Epoch = (short)(first.Epoch + 7) }, 5));
    }

    [Fact]
    public async Task ABatchOfATransactionNeedsTheTransactionalIdInItsRequest()
    {
        var producer = await Init();
        await AddPartition(producer);

        Assert.Equal(KafkaError.TransactionalIdAuthorizationFailed, await Produce(null, producer));
        Assert.Equal(0, (await _served.Broker.DescribeTopic("t")).Partitions[0].End);
        Assert.Equal(KafkaError.None, await Produce("id", producer));
    }

    private async Task<KafkaError> Produce(string? id, ProducerIdentity producer)
    {
        var batch = new RecordBatchBuilder(100) { IsTransactional = true };
        MessageCodec.Append(batch, Message.OfText("x"), 0);
        var bytes = batch.Build(producerId: producer.Id, producerEpoch: producer.Epoch, baseSequence: 0);
        var reader = new KafkaReader(await _client.Ask(Logins.FrameOf(ApiKey.Produce, 3, w =>
        {
            w.NullableString(id); w.Int16(-1); w.Int32(1000); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Bytes(bytes.Span);
        })));
        reader.Int64();
        Assert.Equal("t", reader.String());
        reader.Int64();
        return (KafkaError)reader.Int16();
    }

    private async Task<ProducerIdentity> Init()
    {
        var reader = new KafkaReader(await _client.Ask(Logins.FrameOf(ApiKey.InitProducerId, 1, w => { w.NullableString("id"); w.Int32(60_000); })));
        reader.Int64();
        Assert.Equal(0, reader.Int16());
        return new ProducerIdentity(reader.Int64(), reader.Int16());
    }

    private Task<KafkaError> AddPartition(ProducerIdentity producer) => _client.AddPartition("id", producer, "t");

    private async Task<(KafkaError Error, ProducerIdentity? Next)> End(ProducerIdentity producer, short version)
    {
        var reader = new KafkaReader(await _client.Ask(Logins.FrameOf(ApiKey.EndTxn, version, w =>
        {
            w.String("id"); w.Int64(producer.Id); w.Int16(producer.Epoch); w.Bool(true); w.Tags();
        })), flexible: true);
        reader.Int32();
        reader.Tags();
        reader.Int32();
        var error = (KafkaError)reader.Int16();
        ProducerIdentity? next = version >= 5 ? new ProducerIdentity(reader.Int64(), reader.Int16()) : null;
        reader.Tags();
        Assert.True(reader.IsWhole);
        return (error, next);
    }
}

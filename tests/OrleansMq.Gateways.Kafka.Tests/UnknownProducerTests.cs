using OrleansMq.Gateways.Kafka.Protocol;
using OrleansMq.Records;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>A producer that a partition does not know, and that goes on as if it did.</summary>
public sealed class UnknownProducerTests
{
    [Fact]
    public async Task ItIsToldWhereTheLogBegins()
    {
        await using var served = await Served.Start();
        await served.Broker.PutTopic("t", new TopicChange());
        await served.Broker.Publish("t", [Message.OfText("1"), Message.OfText("2")]);
        await served.Broker.DeleteBefore("t", 0, 1);
        var producer = await served.Broker.OpenProducer();
        var batch = new RecordBatchBuilder(100);
        MessageCodec.Append(batch, Message.OfText("x"), 0);
        var bytes = batch.Build(producerId: producer.Id, producerEpoch: producer.Epoch, baseSequence: 5);
        using var client = await served.Connect();

        var reader = new KafkaReader(await client.Ask(Logins.FrameOf(ApiKey.Produce, 5, w =>
        {
            w.NullableString(null); w.Int16(-1); w.Int32(1000); w.Count(1); w.String("t"); w.Count(1); w.Int32(0); w.Bytes(bytes.Span);
        })));

        reader.Int64();
        Assert.Equal("t", reader.String());
        reader.Int64();
        Assert.Equal(KafkaError.UnknownProducerId, (KafkaError)reader.Int16());
        Assert.Equal((-1, -1, 1), (reader.Int64(), reader.Int64(), reader.Int64()));
    }
}

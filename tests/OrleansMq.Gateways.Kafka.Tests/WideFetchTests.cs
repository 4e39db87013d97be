using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>A fetch of more partitions than a broker reads at once.</summary>
public sealed class WideFetchTests
{
    private const int Asked = ReadRequest.MaxPartitions + 1;

    [Fact]
    public async Task ItIsReadInParts()
    {
        await using var served = await Served.Start();
        await served.Broker.PutTopic("t", new TopicChange());
        await served.Broker.Publish("t", [Message.OfText("1")]);
        using var client = await served.Connect();

        var reader = new KafkaReader(await client.Ask(Logins.FrameOf(ApiKey.Fetch, 4, w =>
        {
            w.Int32(-1); w.Int32(1_000); w.Int32(1); w.Int32(1 << 20); w.Byte(0); w.Count(1); w.String("t"); w.Count(Asked);
            // The one that is there comes last.
            for (var i = Asked - 1; i >= 0; i--)
            {
                w.Int32(i); w.Int64(0); w.Int32(1 << 20);
            }
        })));

        reader.Int64();
        reader.Int32();
        Assert.Equal("t", reader.String());
        Assert.Equal(Asked, reader.Int32());
        for (var i = Asked - 1; i >= 0; i--)
        {
            Assert.Equal(i, reader.Int32());
            Assert.Equal(i == 0 ? KafkaError.None : KafkaError.UnknownTopicOrPartition, (KafkaError)reader.Int16());
            reader.Int64();
            reader.Int64();
            Assert.Equal(0, reader.Int32());
            Assert.Equal(i == 0, reader.NullableBytes() is { Length: > 0 });
        }
        Assert.True(reader.IsWhole);
    }
}

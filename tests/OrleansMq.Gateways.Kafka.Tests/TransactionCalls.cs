using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>Calls of transactional producers, byte by byte.</summary>
internal static class TransactionCalls
{
    /// <summary>Partition 0 of the topic.</summary>
    public static async Task<KafkaError> AddPartition(this RawClient client, string id, ProducerIdentity producer, string topic)
    {
        var reader = new KafkaReader(await client.Ask(Logins.FrameOf(ApiKey.AddPartitionsToTxn, 2, w =>
        {
            w.String(id); w.Int64(producer.Id); w.Int16(producer.Epoch); w.Count(1); w.String(topic); w.Int32Array([0]);
        })));
        reader.Int64();
        reader.Int32();
        Assert.Equal(topic, reader.String());
        reader.Int64();
        return (KafkaError)reader.Int16();
    }
}

using System.Text;
using OrleansMq.Records;

namespace OrleansMq.Conformance.Broker;

/// <summary>A producer as a client would write it: its batches carry id, epoch and sequence, and each transaction has a new epoch.</summary>
public sealed class ProducerOfTransactions
{
    private readonly IBroker _broker;
    private readonly string _id;
    private readonly Dictionary<TransactionPartition, int> _sequences;

    private ProducerOfTransactions(IBroker broker, string id, ProducerIdentity identity, Dictionary<TransactionPartition, int> sequences) =>
        (_broker, _id, Identity, FirstId, _sequences) = (broker, id, identity, identity.Id, sequences);

    public ProducerIdentity Identity { get; private set; }

    public long FirstId { get; }

    public static async Task<ProducerOfTransactions> Open(IBroker broker, string id, TimeSpan? timeout = null) =>
        new(broker, id, await broker.Transactions!.Open(id, timeout ?? TimeSpan.FromMinutes(1)), []);

    /// <summary>The same, after the broker was started again.</summary>
    public ProducerOfTransactions On(IBroker broker) => new(broker, _id, Identity, _sequences);

    public async Task AddPartition(TopicName topic, int partition)
    {
        var errors = await _broker.Transactions!.AddPartitions(_id, Identity, [new TransactionPartition(topic, partition)]);
        if (errors[0] is { } error)
            throw new MqException(error);
    }

    public Task Append(TopicName topic, params string[] bodies) => Append(topic, 0, bodies);

    public async Task Append(TopicName topic, int partition, params string[] bodies)
    {
        await AddPartition(topic, partition);
        await AppendAlone(topic, partition, bodies);
    }

    public async Task AppendAlone(TopicName topic, int partition, params string[] bodies)
    {
        await _broker.Append(Next(topic, partition, bodies));
        _sequences[new TransactionPartition(topic, partition)] = _sequences.GetValueOrDefault(new TransactionPartition(topic, partition)) + bodies.Length;
    }

    public AppendRequest Next(TopicName topic, int partition, params string[] bodies)
    {
        var builder = new RecordBatchBuilder(256) { IsTransactional = true };
        foreach (var body in bodies)
            builder.Append(0, default, false, Encoding.UTF8.GetBytes(body), true);
        var sequence = _sequences.GetValueOrDefault(new TransactionPartition(topic, partition));
        return new AppendRequest
        {
            Topic = topic,
            Partition = partition,
            Batch = builder.ToArray(producerId: Identity.Id, producerEpoch: Identity.Epoch, baseSequence: sequence),
            TransactionalId = _id,
        };
    }

    public async Task AddOffsets(GroupName group, params GroupOffset[] offsets) => await _broker.Transactions!.AddOffsets(_id, Identity, group, null, offsets);

    public async Task End(bool commit)
    {
        Identity = await _broker.Transactions!.End(_id, Identity, commit, newEpoch: true);
        _sequences.Clear();
    }
}

namespace OrleansMq.Gateways.Kafka.Protocol;

/// <summary>What every request of a transaction begins with: <c>transactional id | producer i64 | epoch i16</c>.</summary>
internal readonly record struct TransactionRef(string Id, ProducerIdentity Producer)
{
    public static TransactionRef Read(ref KafkaReader reader) => new(reader.String(), new ProducerIdentity(reader.Int64(), reader.Int16()));
}

/// <summary>AddPartitionsToTxn 0-3: <c>transaction | topics [name | partitions [i32]]</c>.</summary>
internal sealed record AddPartitionsToTxnRequest(TransactionRef Transaction, IReadOnlyList<TopicPartition> Partitions)
{
    public static AddPartitionsToTxnRequest Read(ref KafkaReader reader, short version)
    {
        var transaction = TransactionRef.Read(ref reader);
        var partitions = new List<TopicPartition>();
        for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            foreach (var partition in reader.Int32Array())
                partitions.Add(new TopicPartition(topic, partition));
            reader.Tags();
        }
        reader.Tags();
        return new AddPartitionsToTxnRequest(transaction, partitions);
    }
}

/// <summary>What AddPartitionsToTxn and TxnOffsetCommit answer: an error for each partition.</summary>
internal static class TransactionPartitionsResponse
{
    public static void Write<T>(KafkaWriter writer, IReadOnlyList<T> asked, Func<T, TopicPartition> partitionOf, KafkaError[] errors)
    {
        writer.Throttle();
        ByTopic.Write(writer, asked, item => partitionOf(item).Topic, (at, item) =>
        {
            writer.Int32(partitionOf(item).Partition);
            writer.Error(errors[at]);
        });
        writer.Tags();
    }
}

/// <summary>AddOffsetsToTxn 0-3: <c>transaction | group</c>.</summary>
internal sealed record AddOffsetsToTxnRequest(TransactionRef Transaction, string Group)
{
    public static AddOffsetsToTxnRequest Read(ref KafkaReader reader, short version)
    {
        var request = new AddOffsetsToTxnRequest(TransactionRef.Read(ref reader), reader.String());
        reader.Tags();
        return request;
    }
}

/// <summary>EndTxn 0-5: <c>transaction | commit, bool</c>.</summary>
internal sealed record EndTxnRequest(TransactionRef Transaction, bool Commit)
{
    public static EndTxnRequest Read(ref KafkaReader reader, short version)
    {
        var request = new EndTxnRequest(TransactionRef.Read(ref reader), reader.Bool());
        reader.Tags();
        return request;
    }
}

/// <summary>What AddOffsetsToTxn and EndTxn answer: <c>throttle i32 | error</c>, and EndTxn 5 <c>producer i64 | epoch i16</c>.</summary>
internal static class TransactionResponse
{
    /// <param name="next">What the producer is from now on; null where the version has no place for it.</param>
    public static void Write(KafkaWriter writer, KafkaError error, ProducerIdentity? next = null)
    {
        writer.Throttle();
        writer.Error(error);
        if (next is { } producer)
        {
            writer.Int64(error == KafkaError.None ? producer.Id : -1);
            writer.Int16(error == KafkaError.None ? producer.Epoch : (short)-1);
        }
        writer.Tags();
    }
}

/// <summary>
/// TxnOffsetCommit 0-3: <c>transactional id | group | producer i64 | epoch i16 | (3) generation i32 | member | instance |
/// topics [name | partitions [index i32 | offset i64 | (2) leader epoch i32 | note]]</c>.
/// </summary>
internal sealed record TxnOffsetCommitRequest(TransactionRef Transaction, string Group, MemberRef? Member, IReadOnlyList<OffsetCommitPartition> Partitions)
{
    public static TxnOffsetCommitRequest Read(ref KafkaReader reader, short version)
    {
        var (id, group) = (reader.String(), reader.String());
        var transaction = new TransactionRef(id, new ProducerIdentity(reader.Int64(), reader.Int16()));
        MemberRef? member = null;
        if (version >= 3)
        {
            var (generation, name, instance) = (reader.Int32(), reader.String(), reader.NullableString());
            if (generation >= 0 || name.Length > 0)
                member = new MemberRef(name, generation, instance);
        }
        var partitions = new List<OffsetCommitPartition>();
        for (var topics = reader.Count(6); topics > 0 && !reader.Failed; topics--)
        {
            var topic = reader.String();
            for (var count = reader.Count(14); count > 0 && !reader.Failed; count--)
            {
                var (partition, offset) = (reader.Int32(), reader.Int64());
                if (version >= 2)
                    reader.Int32();
                partitions.Add(new OffsetCommitPartition(topic, partition, offset, reader.NullableString() ?? ""));
                reader.Tags();
            }
            reader.Tags();
        }
        reader.Tags();
        return new TxnOffsetCommitRequest(transaction, group, member, partitions);
    }
}

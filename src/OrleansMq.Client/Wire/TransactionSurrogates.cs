namespace OrleansMq.Client.Wire;

[GenerateSerializer, Alias("OrleansMq.TransactionPartitionSurrogate")]
internal readonly record struct TransactionPartitionSurrogate(TopicName Topic, int Partition);

[RegisterConverter]
internal sealed class TransactionPartitionConverter : IConverter<TransactionPartition, TransactionPartitionSurrogate>
{
    public TransactionPartition ConvertFromSurrogate(in TransactionPartitionSurrogate surrogate) => new(surrogate.Topic, surrogate.Partition);

    public TransactionPartitionSurrogate ConvertToSurrogate(in TransactionPartition value) => new(value.Topic, value.Partition);
}

[GenerateSerializer, Alias("OrleansMq.AbortedTransactionSurrogate")]
internal readonly record struct AbortedTransactionSurrogate(long ProducerId, long FirstOffset);

[RegisterConverter]
internal sealed class AbortedTransactionConverter : IConverter<AbortedTransaction, AbortedTransactionSurrogate>
{
    public AbortedTransaction ConvertFromSurrogate(in AbortedTransactionSurrogate surrogate) => new(surrogate.ProducerId, surrogate.FirstOffset);

    public AbortedTransactionSurrogate ConvertToSurrogate(in AbortedTransaction value) => new(value.ProducerId, value.FirstOffset);
}

[GenerateSerializer, Alias("OrleansMq.TransactionDescriptionSurrogate")]
internal readonly record struct TransactionDescriptionSurrogate(
    string Id, TransactionPhase Phase, ProducerIdentity Producer, DateTimeOffset LastUsed, DateTimeOffset? Since, DateTimeOffset? Until, TransactionPartition[] Partitions, GroupName[] Groups);

[RegisterConverter]
internal sealed class TransactionDescriptionConverter : IConverter<TransactionDescription, TransactionDescriptionSurrogate>
{
    public TransactionDescription ConvertFromSurrogate(in TransactionDescriptionSurrogate surrogate) => new(
        surrogate.Id, surrogate.Phase, surrogate.Producer, surrogate.LastUsed, surrogate.Since, surrogate.Until, surrogate.Partitions, surrogate.Groups);

    public TransactionDescriptionSurrogate ConvertToSurrogate(in TransactionDescription value) =>
        new(value.Id, value.Phase, value.Producer, value.LastUsed, value.Since, value.Until, [.. value.Partitions], [.. value.Groups]);
}

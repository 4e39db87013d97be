using OrleansMq.Server.Placement;

namespace OrleansMq.Server.Transactions;

/// <summary>What partitions' grains and the cluster's ask of a transactional id's grain.</summary>
[Alias("OrleansMq.ITransactionOwner")]
internal interface ITransactionOwner : IMovableGrain
{
    /// <summary>A partition has this id's transaction open past its time: it is ended there if it is over.</summary>
    [Alias("Overdue"), ResponseTimeout("00:00:15")]
    Task Overdue(TransactionPartition partition, ProducerIdentity producer);

    /// <summary>Which positions of a group are part of its transaction, as long as that is not ended.</summary>
    [Alias("Pending"), ResponseTimeout("00:00:10")]
    Task<TransactionPartition[]> Pending(GroupName group);

    /// <returns>Null: there is no such id, or nobody used it for a week.</returns>
    [Alias("Describe"), ResponseTimeout("00:00:10")]
    Task<TransactionDescription?> Describe();
}

using OrleansMq.Core.Transactions;
using OrleansMq.Records;
using OrleansMq.Server.Transactions;

namespace OrleansMq.Server.Partitions;

/// <summary>What transactions' grains ask, and what they are asked.</summary>
internal sealed partial class PartitionGrain
{
    public Task BeginTransaction(ProducerIdentity producer, string key, long term, long dueMs) =>
        On(engine => engine.BeginTransaction(new OpenTransaction(producer, key, term, dueMs)));

    public Task EndTransaction(ProducerIdentity producer, bool commit, long term) =>
        On(engine => engine.EndTransaction(producer, commit ? TransactionOutcome.Commit : TransactionOutcome.Abort, term));

    /// <summary>A transaction is open here past its time. Whoever coordinates it may sleep, or be lost with its silo: the call makes it again, and it says what becomes of it.</summary>
    private async void AskCoordinator(OpenTransaction open)
    {
        try
        {
            await GrainCalls.Ask(() => GrainFactory.GetGrain<ITransactionOwner>(open.Key).Overdue(new TransactionPartition(_topicName, _number), open.Producer));
        }
        catch (Exception away)
        {
            // Whatever it is: the engine says it again.
            _silo.Report($"Topic {_topicName}, partition {_number}: a transaction of '{open.Key}' is open past its time and could not be ended, it is tried again: {away.Message}");
        }
    }
}

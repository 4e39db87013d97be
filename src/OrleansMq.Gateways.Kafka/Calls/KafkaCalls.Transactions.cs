using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>Transactions: everything goes to the broker's coordinator.</summary>
internal sealed partial class KafkaCalls
{
    private async Task<bool> InitProducerId(InitProducerIdRequest request, KafkaWriter writer)
    {
        var producer = default(ProducerIdentity);
        var error = request.TransactionalId is { } id
            ? await Transact(async transactions => producer = await transactions.Open(id, TimeSpan.FromMilliseconds(request.TimeoutMs), request.Known, ended))
            : await Try(async () => producer = await Broker.OpenProducer(null, ended));
        // One that names nothing is asked of the whole: whoever may produce nowhere needs none.
        if (error == KafkaError.TopicAuthorizationFailed)
            error = KafkaError.ClusterAuthorizationFailed;
        InitProducerIdResponse.Write(writer, error == KafkaError.InvalidRequest ? KafkaError.InvalidTransactionTimeout : error, producer);
        return true;
    }

    private async Task<bool> AddPartitionsToTxn(AddPartitionsToTxnRequest request, KafkaWriter writer)
    {
        var errors = new KafkaError[request.Partitions.Count];
        var unknown = false;
        for (var i = 0; i < errors.Length; i++)
            unknown |= (errors[i] = await ErrorOf(request.Partitions[i])) != KafkaError.None;
        if (unknown)
        {
            // As Kafka: one that is not there and none is added.
            for (var i = 0; i < errors.Length; i++)
                errors[i] = errors[i] == KafkaError.None ? KafkaError.OperationNotAttempted : errors[i];
        }
        else
        {
            var all = await Transact(async transactions =>
            {
                var results = await transactions.AddPartitions(
                    request.Transaction.Id, request.Transaction.Producer, [.. request.Partitions.Select(part => new TransactionPartition(part.Topic, part.Partition))], ended);
                var forbidden = results.Any(result => result?.Code == ErrorCodes.Forbidden);
                for (var i = 0; i < errors.Length; i++)
                    errors[i] = results[i] is not { } refused ? KafkaError.None
                        : refused.Code == ErrorCodes.Forbidden ? KafkaError.TopicAuthorizationFailed
                        : forbidden ? KafkaError.OperationNotAttempted
                        : OfTransaction(refused.Code);
            });
            if (all != KafkaError.None)
                Array.Fill(errors, all);
        }
        TransactionPartitionsResponse.Write(writer, request.Partitions, part => part, errors);
        return true;
    }

    private async ValueTask<KafkaError> ErrorOf(TopicPartition part)
    {
        if (!NameRule.IsValid(part.Topic))
            return KafkaError.InvalidTopic;
        try
        {
            return await FindTopic(part.Topic) is { } topic && part.Partition >= 0 && part.Partition < topic.Partitions.Count ? KafkaError.None : KafkaError.UnknownTopicOrPartition;
        }
        catch (MqException e)
        {
            return e.Code == ErrorCodes.Forbidden ? KafkaError.TopicAuthorizationFailed : OfTransaction(e.Code);
        }
    }

    /// <summary>Only asks: the group becomes part of the transaction with its positions.</summary>
    private async Task<bool> AddOffsetsToTxn(AddOffsetsToTxnRequest request, KafkaWriter writer)
    {
        var error = !NameRule.IsValid(request.Group)
            ? KafkaError.InvalidGroupId
            : OfWhich(request.Transaction.Id, request.Group, await Transact(async transactions => await transactions.AddOffsets(request.Transaction.Id, request.Transaction.Producer, request.Group, null, [], ended)));
        TransactionResponse.Write(writer, error);
        return true;
    }

    private async Task<bool> TxnOffsetCommit(TxnOffsetCommitRequest request, KafkaWriter writer)
    {
        var errors = new KafkaError[request.Partitions.Count];
        var (offsets, places) = (new List<GroupOffset>(errors.Length), new List<int>(errors.Length));
        for (var i = 0; i < errors.Length; i++)
        {
            var asked = request.Partitions[i];
            errors[i] = asked.Note.Length > MaxNoteLength ? KafkaError.OffsetMetadataTooLarge : await ErrorOf(new TopicPartition(asked.Topic, asked.Partition));
            if (errors[i] != KafkaError.None)
                continue;
            offsets.Add(new GroupOffset(asked.Topic, asked.Partition, asked.Offset, asked.Note));
            places.Add(i);
        }
        // As Kafka: the others are added where one can't be.
        if (offsets.Count > 0)
        {
            var all = !NameRule.IsValid(request.Group)
                ? KafkaError.InvalidGroupId
                : await Transact(async transactions => await transactions.AddOffsets(
                    request.Transaction.Id,
                    request.Transaction.Producer,
                    request.Group,
                    request.Member,
                    offsets,
                    ended));
            foreach (var place in places)
                errors[place] = OfWhich(request.Transaction.Id, request.Group, all);
        }
        // What passes: not every client repeats the transactions' own word for it here.
        for (var i = 0; i < errors.Length; i++)
            errors[i] = errors[i] == KafkaError.ConcurrentTransactions ? KafkaError.CoordinatorNotAvailable : errors[i];
        TransactionPartitionsResponse.Write(writer, request.Partitions, part => new TopicPartition(part.Topic, part.Partition), errors);
        return true;
    }

    /// <summary>Cursors in a transaction need three things, and a refusal has the number of the one that lacks.</summary>
    private KafkaError OfWhich(string id, string group, KafkaError error)
    {
        if (error != KafkaError.TransactionalIdAuthorizationFailed || !May(AccessOperations.Produce, ResourceKind.Producer, id))
            return error;
        return May(AccessOperations.Consume, ResourceKind.Group, group) ? KafkaError.TopicAuthorizationFailed : KafkaError.GroupAuthorizationFailed;
    }

    /// <summary>Older clients go on at the epoch that they have; one that asks by version 5 is told its next one, so that nothing late of this transaction can get into another (KIP-890).</summary>
    private async Task<bool> EndTxn(short version, EndTxnRequest request, KafkaWriter writer)
    {
        var (newEpoch, next) = (version >= 5, default(ProducerIdentity));
        var error = await Transact(async transactions => next = await transactions.End(request.Transaction.Id, request.Transaction.Producer, request.Commit, newEpoch, ended));
        TransactionResponse.Write(writer, error, newEpoch ? next : null);
        return true;
    }

    private async ValueTask<KafkaError> Transact(Func<ITransactionCoordinator, ValueTask> call)
    {
        if (Broker.Transactions is not { } transactions)
            return KafkaError.CoordinatorNotAvailable;
        try
        {
            await call(transactions);
            return KafkaError.None;
        }
        catch (MqException e)
        {
            return OfTransaction(e.Code);
        }
    }

    private static async ValueTask<KafkaError> Try(Func<ValueTask> call)
    {
        try
        {
            await call();
            return KafkaError.None;
        }
        catch (MqException e)
        {
            return KafkaErrors.Of(e.Code);
        }
    }

    /// <summary>Where a transaction's call has another word for it.</summary>
    private static KafkaError OfTransaction(string code) => code switch
    {
        // What was decided is carried out first; the client asks again.
        ErrorCodes.Overloaded or ErrorCodes.RateLimited or ErrorCodes.PartitionUnavailable or ErrorCodes.OutcomeUnknown or ErrorCodes.DiskFull => KafkaError.ConcurrentTransactions,
        ErrorCodes.ProducerUnknown => KafkaError.InvalidProducerIdMapping,
        ErrorCodes.EpochStale => KafkaError.IllegalGeneration,
        ErrorCodes.Forbidden => KafkaError.TransactionalIdAuthorizationFailed,
        _ => KafkaErrors.Of(code),
    };
}

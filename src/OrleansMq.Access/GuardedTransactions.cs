namespace OrleansMq.Access;

/// <summary>Transactions as one principal may use them: a transactional id is a named producer, and what becomes part of a transaction is asked for as if it were sent or committed alone.</summary>
internal sealed class GuardedTransactions(GuardedBroker caller, ITransactionCoordinator inner) : ITransactionCoordinator
{
    public async ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default)
    {
        Demand(id);
        return await inner.Open(id, timeout, known, cancel);
    }

    /// <summary>One that is refused, and none is part of it.</summary>
    public async ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default)
    {
        Demand(id);
        var refused = partitions.Select(partition => caller.May(AccessOperations.Produce, ResourceKind.Topic, partition.Topic.Text)
            ? null
            : caller.Refusal(AccessOperations.Produce, ResourceKind.Topic, partition.Topic.Text).Error).ToArray();
        return refused.All(error => error is null) ? await inner.AddPartitions(id, producer, partitions, cancel)
            : [.. refused.Select(error => error ?? new MqError(ErrorCodes.Conflict, "Another partition of the same call was refused, and none was added."))];
    }

    public async ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default)
    {
        Demand(id);
        caller.Demand(AccessOperations.Consume, ResourceKind.Group, group.Text);
        foreach (var offset in offsets)
            caller.Demand(AccessOperations.Consume, ResourceKind.Topic, offset.Topic.Text);
        await inner.AddOffsets(id, producer, group, member, offsets, cancel);
    }

    public async ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default)
    {
        Demand(id);
        return await inner.End(id, producer, commit, newEpoch, cancel);
    }

    public async ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default)
    {
        caller.Demand(AccessOperations.Describe, ResourceKind.Group, group.Text);
        return [.. (await inner.Pending(group, cancel)).Where(partition => caller.May(AccessOperations.Describe, ResourceKind.Topic, partition.Topic.Text))];
    }

    public async ValueTask<Page<TransactionDescription>> List(string? after = null, int max = 100, CancellationToken cancel = default)
    {
        var page = await GuardedBroker.Visible(
            from => inner.List(from, max, cancel), after, max, each => new TransactionalId(each.Id).Key, each => caller.May(AccessOperations.Describe, ResourceKind.Producer, each.Id));
        return page with
        {
            Items = [.. page.Items.Select(each => each with
            {
                Partitions = [.. each.Partitions.Where(partition => caller.May(AccessOperations.Describe, ResourceKind.Topic, partition.Topic.Text))],
                Groups = [.. each.Groups.Where(group => caller.May(AccessOperations.Describe, ResourceKind.Group, group.Text))],
            })],
        };
    }

    /// <summary>It fences somebody else, so that it is more than to produce.</summary>
    public async ValueTask Abort(string id, CancellationToken cancel = default)
    {
        caller.Demand(AccessOperations.Alter, ResourceKind.Producer, id);
        await inner.Abort(id, cancel);
        caller.Done("abortTransaction", $"producer {id}");
    }

    private void Demand(string id) => caller.Demand(AccessOperations.Produce, ResourceKind.Producer, id);
}

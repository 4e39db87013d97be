namespace OrleansMq.Access;

/// <summary>Transactions as one tenant sees them.</summary>
/// <param name="demandRoom">A group is one on each topic on which it has positions.</param>
internal sealed class TenantTransactions(ITransactionCoordinator inner, TenantNames names, Func<TopicName, GroupName, CancellationToken, ValueTask> demandRoom) : ITransactionCoordinator
{
    public ValueTask<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known = null, CancellationToken cancel = default) =>
        names.Shown(inner.Open(names.InProducer(id), timeout, known, cancel));

    public async ValueTask<IReadOnlyList<MqError?>> AddPartitions(string id, ProducerIdentity producer, IReadOnlyList<TransactionPartition> partitions, CancellationToken cancel = default) =>
        [.. (await names.Shown(inner.AddPartitions(names.InProducer(id), producer, [.. partitions.Select(names.In)], cancel))).Select(names.Shown)];

    public async ValueTask AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, IReadOnlyList<GroupOffset> offsets, CancellationToken cancel = default)
    {
        foreach (var offset in offsets)
            await demandRoom(offset.Topic, group, cancel);
        await names.Shown(inner.AddOffsets(names.InProducer(id), producer, names.In(group), member, [.. offsets.Select(names.In)], cancel));
    }

    public ValueTask<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch, CancellationToken cancel = default) =>
        names.Shown(inner.End(names.InProducer(id), producer, commit, newEpoch, cancel));

    public async ValueTask<IReadOnlyList<TransactionPartition>> Pending(GroupName group, CancellationToken cancel = default) => Ours(await names.Shown(inner.Pending(names.In(group), cancel)));

    /// <remarks>
    /// All there are is looked through: an id that is no valid name is kept by its digest, so a tenant's don't stand together, and the broker's word for the next page may be another's id.
    /// </remarks>
    public async ValueTask<Page<TransactionDescription>> List(string? after = null, int max = 100, CancellationToken cancel = default)
    {
        PageSize.Check(max);
        var ours = new List<TransactionDescription>();
        string? from = null;
        do
        {
            var page = await inner.List(from, PageSize.Max, cancel);
            ours.AddRange(page.Items.Where(one => names.IsOurs(one.Id)).Select(Out).Where(one => after is null || string.CompareOrdinal(one.Id, after) > 0));
            from = page.Next;
        }
        while (from is not null);
        ours.Sort((one, other) => string.CompareOrdinal(one.Id, other.Id));
        return ours.Count > max ? new Page<TransactionDescription>(ours[..max], ours[max - 1].Id) : new Page<TransactionDescription>(ours, null);
    }

    public ValueTask Abort(string id, CancellationToken cancel = default) => names.Shown(inner.Abort(names.InProducer(id), cancel));

    private TransactionDescription Out(TransactionDescription one) => one with
    {
        Id = names.Out(one.Id),
        Partitions = Ours(one.Partitions),
        Groups = [.. one.Groups.Where(group => names.IsOurs(group.Text)).Select(group => new GroupName(names.Out(group.Text)))],
    };

    private IReadOnlyList<TransactionPartition> Ours(IReadOnlyList<TransactionPartition> partitions) =>
        [.. partitions.Where(partition => names.IsOurs(partition.Topic.Text)).Select(partition => partition with { Topic = names.Out(partition.Topic.Text) })];
}

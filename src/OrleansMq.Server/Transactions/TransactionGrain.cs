using Orleans.Concurrency;
using OrleansMq.Client.Grains;
using OrleansMq.Engine.Transactions;
using OrleansMq.Server.Documents;
using OrleansMq.Server.Placement;

namespace OrleansMq.Server.Transactions;

/// <summary>
/// Hosts a <see cref="TransactionCoordinator"/> of one transactional id. Its document is this grain's own state, whose ETag sees that a second activation decides
/// nothing over the first; what a replaced one still says to partitions is older than what they know by then. One that sleeps or is lost is called by the
/// partitions in which its transaction is open past its time, and ends it as its document says.
/// </summary>
[Reentrant, TopicPlacement]
internal sealed class TransactionGrain : Grain, ITransactionGrain, ITransactionOwner, ILeaver
{
    /// <summary>A group's list of those who may have positions of it does not keep one that has none for so long.</summary>
    private static readonly TimeSpan KeepAmongPending = TimeSpan.FromHours(1);

    private readonly BrokerSilo _silo;
    private readonly OwnDocuments _own;

    /// <summary>Groups on whose lists this id stands.</summary>
    private readonly HashSet<GroupName> _listed = [];
    private readonly SemaphoreSlim _listing = new(1);
    private TransactionCoordinator _coordinator = null!;
    private string _key = "";

    public TransactionGrain(IGrainContext context, BrokerSilo silo) => (_silo, _own) = (silo, silo.DocumentsOf(context, DeactivateOnIdle));

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _key = this.GetPrimaryKeyString();
        _coordinator = new TransactionCoordinator(
            new SharedNames(_own, _silo.Documents, TransactionCoordinator.NamesPrefix), new GrainTransactionParts(GrainFactory, _silo), new TurnTime(_silo.Time, TaskScheduler.Current), _silo.Report);
        _silo.Here(this.GetGrainId(), this);
        // From here on it ends by itself what is decided, and what its time is over for.
        try
        {
            await _coordinator.Load(_key);
        }
        catch (MqException damage)
        {
            // Each call is told.
            _silo.Report(damage.Message);
        }
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _silo.Gone(this.GetGrainId(), this);
        await _coordinator.DisposeAsync();
    }

    public void BeginLeaving()
    {
        // Nobody waits here.
    }

    public SiloAddress HomeAmong(IReadOnlyList<SiloAddress> silos) => Spread.OfTopic(this.GetPrimaryKeyString(), silos);

    public Task LeaveSilo()
    {
        MigrateOnIdle();
        return Task.CompletedTask;
    }

    public async Task<ProducerIdentity> Open(string id, TimeSpan timeout, ProducerIdentity? known) => await _coordinator.Open(id, timeout, known);

    public async Task<MqError?[]> AddPartitions(string id, ProducerIdentity producer, TransactionPartition[] partitions) =>
        [.. await _coordinator.AddPartitions(id, producer, partitions)];

    /// <summary>Whoever asks what is pending in the group finds this id before it has anything of the group.</summary>
    public async Task AddOffsets(string id, ProducerIdentity producer, GroupName group, MemberRef? member, GroupOffset[] offsets)
    {
        if (!_listed.Contains(group) && await _coordinator.Describe(_key) is not null)
            await Listing(async () =>
            {
                await _silo.Catalog.NamePending(group, _key);
                _listed.Add(group);
            });
        await _coordinator.AddOffsets(id, producer, group, member, offsets);
    }

    public async Task<ProducerIdentity> End(string id, ProducerIdentity producer, bool commit, bool newEpoch) => await _coordinator.End(id, producer, commit, newEpoch);

    public async Task Abort(string id) => await _coordinator.Abort(id);

    public async Task Overdue(TransactionPartition partition, ProducerIdentity producer) => await _coordinator.Overdue(_key, partition, producer);

    public async Task<TransactionPartition[]> Pending(GroupName group)
    {
        await _coordinator.Load(_key);
        var pending = await _coordinator.Pending(group);
        if (pending.Count == 0 && !(await _coordinator.Describe(_key) is { } found && _silo.Time.GetUtcNow() - found.LastUsed < KeepAmongPending))
            await Listing(async () =>
            {
                if ((await _coordinator.Pending(group)).Count > 0)
                    return;
                _listed.Remove(group);
                await _silo.Catalog.UnnamePending(group, _key);
            });
        return [.. pending];
    }

    public async Task<TransactionDescription?> Describe() => await _coordinator.DropIfLapsed(_key) ? null : await _coordinator.Describe(_key);

    private async Task Listing(Func<Task> change)
    {
        await _listing.WaitAsync();
        try
        {
            await change();
        }
        finally
        {
            _listing.Release();
        }
    }
}

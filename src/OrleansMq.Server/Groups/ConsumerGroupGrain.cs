using Orleans.Concurrency;
using OrleansMq.Client.Grains;
using OrleansMq.Client.Wire;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Documents;
using OrleansMq.Server.Partitions;
using OrleansMq.Server.Placement;
using OrleansMq.Server.Topics;

namespace OrleansMq.Server.Groups;

/// <summary>Hosts one <see cref="GroupEngine"/>: settings, members, and the way of messages to consumers.</summary>
[Reentrant, GroupPlacement]
internal sealed partial class ConsumerGroupGrain : Grain, IConsumerGroupGrain, IGroupOwner, ILeaver
{
    /// <summary>While consumers wait, partitions are asked again so often, in case a signal was lost.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly BrokerSilo _silo;
    private readonly OwnDocuments _documents;
    private readonly TopicCatalog _catalog;
    private readonly SemaphoreSlim _changes = new(1);
    private readonly CancellationTokenSource _leaving = new();
    private Guid _topicId;
    private TopicName _topic;
    private GroupName _name;

    /// <summary>Null until it is loaded.</summary>
    private PartitionLineage? _lineage;

    /// <summary>Null while there is no such group.</summary>
    private GroupEngine? _engine;

    public ConsumerGroupGrain(IGrainContext context, BrokerSilo silo)
    {
        _silo = silo;
        _documents = silo.DocumentsOf(context, DeactivateOnIdle);
        _catalog = new TopicCatalog(_documents);
    }

    private ITopicOwner Topic => GrainFactory.GetGrain<ITopicOwner>(_topic.Text);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        (_topicId, _topic, var name) = GrainKeys.Read(this.GetPrimaryKeyString());
        _name = name;
        _silo.Here(this.GetGrainId(), this);
        this.RegisterGrainTimer(AskForGrowth, new GrainTimerCreationOptions(GrowthInterval, GrowthInterval) { Interleave = true });
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _silo.Gone(this.GetGrainId(), this);
        await _leaving.CancelAsync();
        _leaving.Dispose();
    }

    public void BeginLeaving() => _leaving.Cancel();

    public SiloAddress HomeAmong(IReadOnlyList<SiloAddress> silos) => Spread.OfGroup(this.GetPrimaryKeyString(), silos);

    public Task LeaveSilo()
    {
        _leaving.Cancel();
        MigrateOnIdle();
        return Task.CompletedTask;
    }

    private Task Go()
    {
        _leaving.Cancel();
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    public async Task<GroupDescription> Put(GroupChange change)
    {
        await Load();
        var made = await EnsureMade(change, declared: true);
        var engine = made ?? MustExist();
        // Until the answer, however long that takes: its time begins then.
        using var use = engine.Use();
        if (made is not null)
            return await made.Describe(created: true);
        await Written(() => engine.Change(change));
        await Topic.ChangeGroup(engine.Definition);
        // What holds back the log, and until when an ephemeral one is kept, stands in the partitions. Also where this call changed nothing: the one before may have failed behind the document.
        await Task.WhenAll(Enumerable.Range(0, _lineage!.Count).Select(p => TellOf(engine.Definition, p)));
        return await engine.Describe();
    }

    public async Task<GroupDescription> Describe()
    {
        var engine = await Found();
        GroupDescription described = null!;
        await Written(async () => described = await engine.Describe());
        return described;
    }

    public async Task Delete()
    {
        await Load();
        // A silo that was lost within a deletion took the document away, and the topic does not know.
        if (_engine is null)
            await GrainCalls.Ask(() => Topic.DropIfGone(_name));
        var engine = MustExist();
        await _changes.WaitAsync();
        try
        {
            await Written(engine.Delete);
            _engine = null;
            await GrainCalls.Ask(() => Topic.RemoveGroup(_name, engine.Id));
        }
        finally
        {
            _changes.Release();
        }
    }

    public async Task Abandon()
    {
        await Load(evenWithoutTopic: true);
        if (_engine is { } engine)
            await Written(engine.Delete);
        _engine = null;
        await Go();
    }

    public async Task<GroupDefinition?> Find()
    {
        await Load();
        return _engine?.Definition ?? _making;
    }

    public Task Signal(int partition, GroupStanding standing)
    {
        Note(partition, standing);
        _engine?.Queue?.Signal(partition);
        return Task.CompletedTask;
    }

    private void Note(int partition, GroupStanding standing) => _engine?.Queue?.NoteInFlight(partition, standing.InFlight, standing.Holder);

    public async Task<DeliveryBlock> Receive(ReceiveRequest request, CancellationToken cancel)
    {
        ReceiveRules.Check(request);
        var engine = request.GroupId is null ? await Used(new GroupChange()) : await Found();
        using var use = engine.Use(request.GroupId);
        if (request.GroupId is { })
            await Written(async () => await engine.Used());
        if (engine.Queue is not { } queue)
            throw new MqException(ErrorCodes.Conflict, $"Group '{_name}' of topic '{_topic}' is of log style: its members read and commit.");
        if (request.Wait == TimeSpan.Zero)
            return DeliveryBlock.Of(await queue.Receive(request, cancel));
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, _leaving.Token);
        try
        {
            return DeliveryBlock.Of(await queue.Receive(request, either.Token));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // The group moves: who waits asks again where it is then. Who does not wait is answered here, for an empty answer would be a wrong one.
            return DeliveryBlock.Empty;
        }
    }

    public async Task<SettleResult[]> Settle(Settlement settlement)
    {
        SettlementRules.Check(settlement);
        if (settlement.Lease is { } lease)
            CatalogLimits.Lease.Check(lease);
        var engine = await Found();
        await Taken(engine);
        var results = await engine.Settle(settlement);
        await engine.NoteUse(Written, _silo.Report);
        return [.. results];
    }

    public async Task<Assignment> Join(string member, TimeSpan sessionTimeout)
    {
        var engine = await Used(new GroupChange { Style = GroupStyle.Log });
        Assignment? assignment = null;
        await Written(async () => assignment = await engine.Join(member, sessionTimeout));
        return assignment!;
    }

    public async Task Heartbeat(string member, int generation)
    {
        var engine = await Found();
        await Taken(engine);
        await Written(() => engine.Heartbeat(member, generation));
        await engine.NoteUse(Written, _silo.Report);
    }

    public async Task Leave(string member)
    {
        var engine = await Found();
        await Written(() => engine.Leave(member));
    }

    public async Task Commit(CommitRequest request)
    {
        var engine = await Used(new GroupChange { Style = GroupStyle.Log });
        await Written(() => engine.Commit(request));
    }

    public async Task Seek(SeekRequest request)
    {
        if (request.To is null == (request.Positions.Count == 0))
            throw new MqException(ErrorCodes.Malformed, "A seek names either a place for all partitions ('to') or 'positions', not both.");
        var engine = await Found();
        await Written(() => engine.Seek(request));
    }

    public async Task<int> Redrive(DeadLetterSelection selection, Message? replace)
    {
        if (replace is not null)
            MessageCodec.Validate(replace);
        return await (await Found()).Redrive(selection, replace);
    }

    public async Task<int> Discard(DeadLetterSelection selection) => await (await Found()).Discard(selection);

    public async Task<Reconciliation> Reconcile(ReconcileRequest request) => await (await Found()).Reconcile(request);

    public async Task<SessionState> Session(SessionRequest request) => await (await Found()).Session(request);

    public async Task<int> Redeliver(RedeliverRequest request) => await (await Found()).Redeliver(request);
}

using Orleans.Concurrency;
using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Documents;
using OrleansMq.Server.Partitions;
using OrleansMq.Server.Placement;

namespace OrleansMq.Server.Topics;

/// <summary>A topic: its definition, the names of its groups, its ledger of admissions, and the sums that its limits need. Its key is the topic's name.</summary>
[Reentrant, TopicPlacement]
internal sealed partial class TopicGrain : Grain, ITopicGrain, ITopicOwner
{
    private readonly BrokerSilo _silo;
    private readonly TopicCatalog _catalog;
    private readonly OwnDocuments _own;
    private readonly SemaphoreSlim _changes = new(1);
    private TopicName _name;
    private TopicDocument? _topic;
    private long _version;
    private AdmissionDesk? _admissions;

    public TopicGrain(IGrainContext context, BrokerSilo silo)
    {
        _silo = silo;
        _own = silo.DocumentsOf(context, DeactivateOnIdle);
        _catalog = new TopicCatalog(new SharedNames(_own, silo.Documents, TopicCatalog.TopicNamesPrefix));
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _name = this.GetPrimaryKeyString();
        if (await _catalog.FindTopic(_name) is { } found)
            Adopt(found.Topic, found.Version);
        FinishGrowthSoon();
    }

    public async Task<TopicTarget> Resolve()
    {
        if (_topic is { } topic)
            return new TopicTarget(topic.Id, topic.Name, topic.Settings, null);
        var (owner, group, view) = await FindLetters() ?? throw Unknown();
        return new TopicTarget(view.Id, owner, view.Settings, group);
    }

    public Task<bool> Exists() => Task.FromResult(_topic is not null);

    public Task<PartitionLineage?> FindLineage(Guid id) => Task.FromResult(_topic is { } topic && topic.Id == id ? topic.Lineage : null);

    public async Task<TopicDescription> Put(TopicChange change)
    {
        var created = false;
        await Changing(async () =>
        {
            created = _topic is null;
            if (created)
                await Create(change);
            else
                await Change(change);
        });
        return (await Describe()) with { Created = created };
    }

    private async Task Create(TopicChange change)
    {
        var settings = TopicRules.Create(change);
        TopicRules.CheckStorage(settings, _silo.Storage.CanRewrite);
        if (await FindLetters() is not null)
            throw new MqException(ErrorCodes.NameTaken, $"'{_name}' is the name of a group's dead letters.");
        var document = new TopicDocument { Name = _name, Id = Guid.NewGuid(), Settings = settings, CreatedAtMs = _silo.NowMs };
        await _catalog.NameTopic(_name);
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, settings.Partitions), OnThisScheduler, async (p, _) =>
                await _silo.Storage.CreateLog(new LogId(document.Id, p), new LogDefinition(_name.Text, document.ToJson())));
        }
        catch
        {
            // Nobody else knows these logs.
            await ClearLogs(document.Id, settings.Partitions, _ => false);
            throw;
        }

        Adopt(document, await _catalog.PutTopic(document, 0));
    }

    private static ParallelOptions OnThisScheduler => new() { MaxDegreeOfParallelism = 16, TaskScheduler = TaskScheduler.Current };

    private async Task Change(TopicChange change)
    {
        await FinishBegun();
        var (topic, next) = (_topic!, TopicRules.Change(_topic!.Settings, change));
        TopicRules.CheckStorage(next, _silo.Storage.CanRewrite);
        if (next.Admit is { } cap)
            await _admissions!.SetCap(cap);
        await Store(topic with { Settings = next with { Partitions = topic.Settings.Partitions }, Growing = next.Partitions > topic.Settings.Partitions ? next.Partitions : null });
        await Tell();
        await FinishBegun();
    }

    private void Adopt(TopicDocument topic, long version)
    {
        (_topic, _version) = (topic, version);
        _revision = BrokerSilo.NextRevision(_revision);
        (_gate, _counted, _groups) = (new TopicGate(), null, null);
        _admissions = new AdmissionDesk(
            _own, topic.Id, topic.Settings.Partitions, number => new ValueTask<IAdmissionPartition>(new PartitionProxy(Partition(number), number)));
    }

    public async Task<TopicDescription> Describe()
    {
        if (_topic is { } topic)
            return new TopicDescription { Name = _name, Id = topic.Id, Settings = topic.Settings, Partitions = await DescribeAll(topic.Id, _name, topic.Settings.Partitions, null) };
        var (owner, group, view) = await FindLetters() ?? throw Unknown();
        var partitions = await DescribeAll(view.Id, owner, view.Settings.Partitions, group);
        return new TopicDescription { Name = _name, Settings = new TopicSettings { Partitions = partitions.Length }, Partitions = partitions };
    }

    private Task<PartitionDescription[]> DescribeAll(Guid id, TopicName owner, int count, GroupName? deadLettersOf) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(p => DescribeOne(GrainFactory.GetGrain<IPartitionOwner>(GrainKeys.Partition(id, owner, p)), p, deadLettersOf)));

    private static async Task<PartitionDescription> DescribeOne(IPartitionOwner partition, int number, GroupName? deadLettersOf)
    {
        try
        {
            return await GrainCalls.Ask(() => partition.DescribePartition(deadLettersOf));
        }
        catch (MqException error)
        {
            return new PartitionDescription(number, "", 0, 0, 0, error.Error);
        }
    }

    private async Task<(TopicName Topic, GroupName Group, TopicView View)?> FindLetters()
    {
        foreach (var (topic, group) in DeadLetterNames.Readings(_name))
            if (await GrainCalls.Ask(() => GrainFactory.GetGrain<ITopicOwner>(topic.Text).FindDeadLetters(group)) is { } view)
                return (topic, group, view);
        return null;
    }

    private IPartitionOwner Partition(int number) => GrainFactory.GetGrain<IPartitionOwner>(GrainKeys.Partition(_topic!.Id, _name, number));

    private TopicDocument MustExist() => _topic ?? throw Unknown();

    /// <summary>The topic deleted before under this name has partitions that may still speak.</summary>
    private TopicDocument MustBe(Guid id) => _topic is { } topic && topic.Id == id ? topic : throw Unknown();

    private MqException Unknown() => new(ErrorCodes.TopicUnknown, $"There is no topic '{_name}'.");
}

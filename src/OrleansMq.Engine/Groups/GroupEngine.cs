using OrleansMq.Core.Catalog;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Groups;

/// <summary>One consumer group on one topic: its settings and members, kept as a document, and the way of its messages to consumers.</summary>
public sealed partial class GroupEngine
{
    private readonly TopicName _topic;
    private volatile PartitionLineage _lineage;
    private readonly IDocuments _documents;
    private readonly string _key;
    private readonly TimeProvider _time;
    private readonly Func<int, ValueTask<IGroupPartition>> _open;
    private readonly SemaphoreSlim _gate = new(1);
    private volatile GroupDocument _document;
    private long _version;

    /// <summary>The generation that the stored document has.</summary>
    private int _savedGeneration;

    public GroupEngine(
        TopicName topic, PartitionLineage lineage, GroupDocument document, long version, string key, IDocuments documents, TimeProvider time, Func<int, ValueTask<IGroupPartition>> open)
    {
        (_topic, _lineage, _document, _version, _key, _documents, _time, _open) = (topic, lineage, document, version, key, documents, time, open);
        _savedGeneration = document.Membership.Generation;
        _use = new GroupUse(time);
        _releases = new Releases(document.Name, lineage, open);
        if (document.Settings.Style == GroupStyle.Queue)
            Queue = new QueueDispatcher(topic, document.Name, document.Settings, _releases, time, open);
    }

    public GroupName Name => _document.Name;

    public GroupSettings Settings => _document.Settings;

    public bool Declared => _document.Declared;

    public bool HoldsBack => Definition.HoldsBack;

    public Guid Id => _document.Id;

    /// <summary>Nobody waits for its messages, and it has no members.</summary>
    public bool IsQuiet => Queue?.HasWaiting != true && _document.Membership.Count == 0;

    /// <summary>Null for a log-style group.</summary>
    public QueueDispatcher? Queue { get; }

    /// <summary>What a partition must know of this group.</summary>
    public GroupDefinition Definition => new(Name, Id, Declared, Settings);

    public async Task Change(GroupChange change)
    {
        using var use = Use();
        await _gate.WaitAsync();
        try
        {
            var settings = GroupRules.Change(_document.Settings, change);
            await Save(_document with { Settings = settings, Declared = true });
        }
        finally
        {
            _gate.Release();
        }

        // Another idle time counts from now.
        _use.KeepAgain();
        Queue?.SettingsChanged(Settings);
    }

    public async Task<GroupDescription> Describe(bool created = false)
    {
        var cursors = new GroupPartition[Partitions];
        for (var p = 0; p < cursors.Length; p++)
        {
            try
            {
                cursors[p] = await (await _open(p)).Describe(Name);
            }
            catch (MqException error) when (error.Code is ErrorCodes.PartitionUnavailable or ErrorCodes.PartitionDamaged)
            {
                cursors[p] = new GroupPartition(p, 0, 0, 0, null, 0, 0, error.Error);
            }
        }

        IReadOnlyList<GroupMember> members;
        await _gate.WaitAsync();
        try
        {
            await ExpireMembers();
            members = Queue?.Consumers() ?? DescribeMembers();
        }
        finally
        {
            _gate.Release();
        }

        return new GroupDescription
        {
            Name = Name,
            Id = Id,
            Settings = Settings,
            Declared = Declared,
            Partitions = cursors,
            Members = members,
            Generation = _document.Membership.Generation,
            Created = created,
        };
    }

    public async Task<Assignment> Join(string member, TimeSpan session)
    {
        MustBeLog("joined by members");
        using var use = Use();
        var looked = MayRelease ? await Look() : null;
        await _gate.WaitAsync();
        try
        {
            await ExpireMembers();
            _document.Membership.Join(member, session, NowMs);
            await Share(looked);
            await SaveIfMoved();
            return AssignmentOf(member);
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task Heartbeat(string member, int generation)
    {
        using var use = Use();
        await WithMembers(() => _document.Membership.Heartbeat(member, generation, NowMs));
        await Release();
    }

    public Task Leave(string member) => WithMembers(() => _document.Membership.Leave(member) ? null : ErrorCodes.MemberUnknown);

    public async Task Commit(CommitRequest request)
    {
        MustBeLog("committed to");
        using var use = Use();
        if (request.Member is { } member)
            await WithMembers(() => _document.Membership.Check(member, request.Generation));
        foreach (var position in request.Positions)
            CheckPartition(position.Partition);
        await OneByOne(request.Positions, async position =>
            await (await _open(position.Partition)).Commit(Name, position.Offset, request.Member is null ? 0 : request.Generation));
        await ReleaseAfter();
    }

    public async Task Seek(SeekRequest request)
    {
        foreach (var position in request.Positions)
            CheckPartition(position.Partition);
        if (Queue is { } queue && Settings.ByKey)
            await queue.Seek(() => SeekAll(request));
        else
            await SeekAll(request);
        await ReleaseAfter();
    }

    private async Task SeekAll(SeekRequest request)
    {
        if (request.To is { } to)
            await OneByOne(Enumerable.Range(0, Partitions), p => Seek(p, to));
        await OneByOne(request.Positions.OrderBy(position => position.Partition), position => Seek(position.Partition, StartAt.Offset(position.Offset)));
    }

    /// <summary>In the order of partitions: none that waits for this one is given out by what was known of it before.</summary>
    private async Task Seek(int partition, StartAt to)
    {
        try
        {
            await (await _open(partition)).Seek(Name, to);
        }
        finally
        {
            // Also where no answer came: it may have happened.
            _releases.Forget();
        }
    }

    /// <summary>A refusal says that nothing has changed: true only of the first.</summary>
    private static async Task OneByOne<T>(IEnumerable<T> shares, Func<T, Task> act)
    {
        var any = false;
        foreach (var share in shares)
        {
            try
            {
                await act(share);
                any = true;
            }
            catch (MqException refusal) when (any)
            {
                // Whatever the reason: a member that is told of its stale generation must not believe that nothing was committed.
                throw InPart(refusal);
            }
        }
    }

    private static MqException InPart(MqException refusal) =>
        new(ErrorCodes.OutcomeUnknown, $"A part of it may be done. {refusal.Message}", refusal.RetryAfter ?? TimeSpan.FromSeconds(1), refusal);

    public async Task<IReadOnlyList<SettleResult>> Settle(Settlement settlement)
    {
        MustBeQueue();
        using var use = Use();
        foreach (var position in settlement.UpTo)
            CheckPartition(position.Partition);
        var results = new SettleResult[settlement.Leases.Count + settlement.UpTo.Count];
        var byPartition = new Dictionary<int, List<int>>();
        for (var i = 0; i < settlement.Leases.Count; i++)
        {
            var lease = settlement.Leases[i];
            results[i] = new SettleResult(lease, ErrorCodes.LeaseUnknown);
            if (lease.Partition >= Partitions)
                continue;
            if (!byPartition.TryGetValue(lease.Partition, out var list))
                byPartition[lease.Partition] = list = new List<int>(settlement.Leases.Count - i);
            list.Add(i);
        }

        var work = byPartition.Select(share => SettleIn(share.Key, share.Value, settlement, results)).ToList();
        for (var i = 0; i < settlement.UpTo.Count; i++)
        {
            var position = settlement.UpTo[i];
            results[settlement.Leases.Count + i] = new SettleResult(new LeaseId(position.Partition, 0, 0, position.Offset, 0), null);
            work.Add(SettleUpTo(position, settlement));
        }

        try
        {
            await Task.WhenAll(work);
        }
        catch (MqException refusal) when (work.Count > 1 && work.Exists(share => share.Exception?.InnerException is not MqException { IsRetriable: false }))
        {
            // A damaged partition too must not hide what the others did.
            throw InPart(refusal);
        }

        return results;
    }

    private async Task SettleIn(int number, List<int> places, Settlement settlement, SettleResult[] results)
    {
        var partition = await _open(number);
        var leases = places.ConvertAll(place => settlement.Leases[place]);
        var codes = await partition.Settle(Name, settlement.For(leases), leases, null);
        for (var i = 0; i < places.Count; i++)
            results[places[i]] = new SettleResult(leases[i], codes[i]);
    }

    private async Task SettleUpTo(Position position, Settlement settlement) =>
        await (await _open(position.Partition)).Settle(Name, settlement, [], position.Offset);

    public async Task<int> Redrive(DeadLetterSelection selection, Message? replace)
    {
        MustBeQueue();
        if (replace is not null && (selection.Everything || selection.Positions.Count != 1))
            throw new MqException(ErrorCodes.Malformed, "A replacement is for exactly one dead letter.");
        return await EachSelected(selection, (partition, offsets) => partition.Redrive(Name, offsets, replace));
    }

    public async Task<int> Discard(DeadLetterSelection selection)
    {
        MustBeQueue();
        return await EachSelected(selection, (partition, offsets) => partition.Discard(Name, offsets));
    }

    private async Task<int> EachSelected(DeadLetterSelection selection, Func<IGroupPartition, IReadOnlyCollection<long>?, Task<int>> act)
    {
        foreach (var position in selection.Positions)
            CheckPartition(position.Partition);
        var count = 0;
        if (selection.Everything)
        {
            await OneByOne(Enumerable.Range(0, Partitions), async p => count += await act(await _open(p), null));
            return count;
        }

        await OneByOne(
            selection.Positions.GroupBy(position => position.Partition),
            async share => count += await act(await _open(share.Key), share.Select(position => position.Offset).ToHashSet()));
        return count;
    }

    public async Task Delete()
    {
        await _gate.WaitAsync();
        try
        {
            await _documents.Delete(_key, _version);
        }
        finally
        {
            _gate.Release();
        }
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task WithMembers(Func<string?> act)
    {
        MustBeLog("joined by members");
        await _gate.WaitAsync();
        try
        {
            await ExpireMembers();
            var code = act();
            await SaveIfMoved();
            if (code is not null)
                throw new MqException(code, code == ErrorCodes.GenerationStale
                    ? $"The group is at generation {_document.Membership.Generation}: join again."
                    : $"Group '{Name}' of topic '{_topic}' has no such member (any more): join again.");
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task ExpireMembers()
    {
        if (_document.Membership.Expire(NowMs) > 0)
            await SaveIfMoved();
    }

    /// <summary>A generation is durable before anybody acts on it, also where an earlier call moved it and could not save it.</summary>
    private async Task SaveIfMoved()
    {
        if (_document.Membership.Generation != _savedGeneration)
            await Save(_document with { LastUsedMs = NowMs });
    }

    private async Task Save(GroupDocument document)
    {
        var (generation, openings) = (document.Membership.Generation, Volatile.Read(ref _openings));
        _version = await _documents.Put(_key, document.ToJson(), _version);
        (_document, _savedGeneration) = (document, generation);
        Volatile.Write(ref _takenAt, openings);
    }

    private void CheckPartition(int partition)
    {
        if (partition < 0 || partition >= Partitions)
            throw new MqException(ErrorCodes.PartitionUnknown, $"Topic '{_topic}' has {Partitions} partitions; {partition} was asked.");
    }

    private void MustBeLog(string how)
    {
        if (Settings.Style != GroupStyle.Log)
            throw new MqException(ErrorCodes.Conflict, $"Group '{Name}' of topic '{_topic}' is of queue style and can't be {how}.");
    }

    private void MustBeQueue()
    {
        if (Settings.Style != GroupStyle.Queue)
            throw new MqException(ErrorCodes.Conflict, $"Group '{Name}' of topic '{_topic}' is of log style: it has no leases and no dead letters.");
    }
}

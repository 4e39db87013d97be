using System.Collections.Concurrent;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Embedded;

/// <summary>Ends in a partition what is over of a transaction, whose coordinator's key is given.</summary>
internal delegate ValueTask OverdueTransaction(string key, TransactionPartition partition, ProducerIdentity producer);

/// <summary>One topic in this process: its partitions as they are opened, its groups, its limits.</summary>
internal sealed partial class EmbeddedTopic : ITopicOfPartition, IAsyncDisposable
{
    private readonly EmbeddedOptions _options;
    private readonly IStorage _storage;
    private readonly TopicCatalog _catalog;
    private readonly OverdueTransaction _overdue;
    private readonly PartitionHost _host;
    private readonly TopicGate _gate = new();
    private readonly AdmissionDesk _admissions;
    private readonly ConcurrentDictionary<string, GroupEngine> _groups = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _changes = new(1);
    private readonly PartitionSlots _slots;
    private volatile TopicDocument _document;
    private volatile bool _tracksBacklog;
    private volatile KeyValuePair<string, GroupSettings>[] _groupSettings = [];
    private long _version;
    private uint _turn;

    private EmbeddedTopic(TopicDocument document, long version, IStorage storage, TopicCatalog catalog, EmbeddedOptions options, PartitionHost host, OverdueTransaction overdue)
    {
        (_document, _version, _storage, _catalog, _options, _host, _overdue) = (document, version, storage, catalog, options, host, overdue);
        _slots = new PartitionSlots(document.Settings.Partitions, OpenPartition, what => options.OnReport($"Topic {document.Name}: {what}"));
        _admissions = new AdmissionDesk(storage.Documents, document.Id, document.Settings.Partitions, async number => await Partition(number));
    }

    /// <summary>Takes up a topic that exists, with its groups.</summary>
    public static async ValueTask<EmbeddedTopic> Load(TopicDocument document, long version, IStorage storage, TopicCatalog catalog, EmbeddedOptions options, PartitionHost host, OverdueTransaction overdue)
    {
        var topic = new EmbeddedTopic(document, version, storage, catalog, options, host, overdue);
        foreach (var name in await topic._catalog.GroupNames(document.Id))
            if (await topic._catalog.FindGroup(document.Id, name, topic.NowMs) is { } found)
                topic.Adopt(topic.Engine(found.Group, found.Version));
        await topic.ApplyLimits();
        await topic.FinishGrowth();
        await topic.KeepGroups();
        return topic;
    }

    public TopicName TopicName => _document.Name;

    public string Name => _document.Name.Text;

    public Guid Id => _document.Id;

    public TopicSettings Settings => _document.Settings;

    public bool ReadsUnflushed => Levels.ReadsUnflushed(Settings, _options.DefaultAcks);

    public bool TracksBacklog => _tracksBacklog;

    private long NowMs => _options.Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The next partition in turn.</summary>
    public uint NextTurn() => Interlocked.Increment(ref _turn);

    public Acks LevelOf(Acks? requested) => Levels.OfAppend(requested, Settings, _options.DefaultAcks);

    public async ValueTask<PartitionEngine> Partition(int number)
    {
        if (number < 0 || number >= Settings.Partitions)
            throw new MqException(ErrorCodes.PartitionUnknown, $"Topic '{Name}' has {Settings.Partitions} partitions; {number} was asked.");
        try
        {
            return await _slots.Get(number);
        }
        catch (StorageException error)
        {
            var damaged = error is LogDamagedException;
            throw new MqException(
                damaged ? ErrorCodes.PartitionDamaged : ErrorCodes.PartitionUnavailable,
                $"Partition {number} of topic '{Name}' can't be opened: {error.Message}",
                damaged ? null : TimeSpan.FromSeconds(1),
                error);
        }
    }

    private async Task<PartitionEngine> OpenPartition(int number)
    {
        var partition = await PartitionEngine.Open(_storage, new LogId(Id, number), this, _host);
        try
        {
            await DropDeleted(partition);
            await TellGroups(partition);
            await TellNumber(partition);
        }
        catch
        {
            // It is opened anew the next time, and one engine at most has a log.
            await partition.DisposeAsync();
            throw;
        }

        // Who changed a group meanwhile did not find this partition among the open ones.
        foreach (var group in _groups.Values)
            partition.SettingsChanged(group.Name);
        return partition;
    }

    public async Task Change(TopicChange change)
    {
        await _changes.WaitAsync();
        try
        {
            await FinishBegun();
            var (now, next) = (_document.Settings, TopicRules.Change(_document.Settings, change));
            TopicRules.CheckStorage(next, _storage.CanRewrite);
            if (next.Admit is { } cap)
                await _admissions.SetCap(cap);
            await Put(_document with { Settings = next with { Partitions = now.Partitions }, Growing = next.Partitions > now.Partitions ? next.Partitions : null });
            await ApplyLimits();
            await FinishBegun();
        }
        finally
        {
            _changes.Release();
        }

        foreach (var partition in OpenPartitions())
            partition.RoomMade();
    }

    public async Task<TopicDescription> Describe(bool created = false)
    {
        var partitions = new PartitionDescription[Settings.Partitions];
        for (var p = 0; p < partitions.Length; p++)
        {
            try
            {
                var partition = await Partition(p);
                partition.ThrowIfStopped();
                partitions[p] = new PartitionDescription(p, _options.Node, partition.Start, partition.End, partition.Bytes) { Delayed = partition.Delayed };
            }
            catch (MqException error)
            {
                partitions[p] = new PartitionDescription(p, _options.Node, 0, 0, 0, error.Error);
            }
        }

        return new TopicDescription { Name = TopicName, Id = _document.Id, Settings = Settings, Partitions = partitions, Created = created };
    }

    public GroupEngine? FindGroupEngine(GroupName name) => _groups.GetValueOrDefault(name.Text);

    public IReadOnlyList<GroupName> GroupNames() => [.. _groups.Keys.Order(StringComparer.Ordinal).Select(name => new GroupName(name))];

    /// <summary>The group, made if it is not there.</summary>
    public async ValueTask<(GroupEngine Group, bool Created)> EnsureGroup(GroupName name, GroupChange change, bool declared, Func<TopicName, ValueTask<bool>> isTopic)
    {
        if (_groups.TryGetValue(name.Text, out var known) && !known.HasEnded)
            return (known, false);
        await _changes.WaitAsync();
        try
        {
            if (_groups.TryGetValue(name.Text, out known))
                return (known, false);
            var deadLetters = DeadLetterNames.Checked(TopicName, name);
            if (await isTopic(deadLetters))
                throw new MqException(ErrorCodes.NameTaken, $"A topic '{deadLetters}' exists; the dead letters of group '{name}' need that name.");
            var settings = GroupRules.Create(change);
            var document = new GroupDocument { Name = name, Id = _options.NewId(), Settings = settings, Declared = declared, Membership = new Membership(), CreatedAtMs = NowMs, LastUsedMs = NowMs };
            // Where it begins is fixed in every partition before the group exists, so that nothing published after this call is missed.
            var partitions = new List<PartitionEngine>();
            for (var p = 0; p < Settings.Partitions; p++)
                partitions.Add(await Partition(p));
            await _catalog.NameGroup(Id, name);
            var group = await MakeOrFind(document);
            foreach (var partition in partitions)
                await partition.EnsureGroup(group.Definition);
            // Not before: where a partition refuses, whoever comes next makes the cursors that are missing.
            Adopt(group);
            // One that was replayed meanwhile did not find the group's rules.
            partitions.ForEach(partition => partition.SettingsChanged(name));
            await ApplyLimits();
            // Its time begins when it can be used, however long that took.
            group.Touch();
            return (group, group.Id == document.Id);
        }
        finally
        {
            _changes.Release();
        }
    }

    public async Task GroupChanged(GroupEngine group)
    {
        await ApplyLimits();
        foreach (var partition in OpenPartitions())
        {
            await partition.EnsureGroup(group.Definition);
            partition.SettingsChanged(group.Name);
            partition.RoomMade();
        }
    }

    public Task DeleteGroup(GroupEngine group) => Written(group, () => DeleteGroup(group, async () =>
    {
        await group.Delete();
        return true;
    }));

    /// <param name="delete">Deletes its document, or leaves it.</param>
    private async Task<bool> DeleteGroup(GroupEngine group, Func<Task<bool>> delete)
    {
        await _changes.WaitAsync();
        try
        {
            if (!await delete())
                return false;
            _groups.TryRemove(group.Name.Text, out _);
            await _catalog.UnnameGroup(Id, group.Name);
            await ApplyLimits();
        }
        finally
        {
            _changes.Release();
        }

        // A partition that is not open, or can't be, or refuses, drops the cursor when it learns that the group's identity is gone.
        foreach (var partition in OpenPartitions())
        {
            await Drop(partition, group.Name, group.Id);
            partition.RoomMade();
        }

        return true;
    }

    /// <summary>Removes the topic with everything that belongs to it; its name is free when the document is gone.</summary>
    public async Task Delete()
    {
        await _changes.WaitAsync();
        try
        {
            await _catalog.BeginDeletion(_document);
            await DeleteDocument();
            var logs = _document.Logs;
            // A growth that was begun is not finished any more, by whoever waits for its turn here.
            _document = _document with { Growing = null };
            // There is no topic any more: what can't be cleared away now is only space, and must not make a deleted topic look alive. The next start tries again.
            var cleared = await Clear(CloseAll);
            for (var p = 0; p < logs; p++)
            {
                var log = new LogId(Id, p);
                cleared &= await Clear(async () => await _storage.DeleteLog(log));
            }

            foreach (var group in _groups.Values)
                cleared &= await Clear(group.Delete);
            cleared &= await Clear(async () => await _catalog.RemoveGroupIndex(Id));
            cleared &= await Clear(_admissions.Delete);
            if (cleared)
                _catalog.Finished(Id);
            await Clear(async () => await _catalog.UnnameTopic(TopicName));
        }
        finally
        {
            _changes.Release();
        }
    }

    private async Task DeleteDocument()
    {
        try
        {
            await _catalog.DeleteTopic(TopicName, _version);
        }
        catch (DocumentConflictException)
        {
            // An earlier call may have got so far without an answer.
            if (await _catalog.FindTopic(TopicName) is { } other && other.Topic.Id == Id)
                throw new MqException(ErrorCodes.Conflict, $"Topic '{Name}' was changed by another call at the same time.");
        }
    }

    private async Task<bool> Clear(Func<Task> away)
    {
        try
        {
            await away();
            return true;
        }
        catch (Exception error) when (error is StorageException or MqException)
        {
            _options.OnReport($"Topic {Name} is deleted, but something of it takes space still: {error.Message}");
            return false;
        }
    }

    public PartitionLineage Lineage => _document.Lineage;

    public GroupSettings? FindGroup(string group) => _groups.GetValueOrDefault(group)?.Settings;

    public AdmissionVerdict Admit(PartitionEngine partition, in AdmissionQuestion question)
    {
        var settings = Settings;
        if (!_tracksBacklog && settings.RatePerSecond is null && settings.ProducerRatePerSecond is null)
            return default;
        return _gate.Admit(TopicName, partition.Number, question, settings, _groupSettings);
    }

    public async void RequestAdmissions(PartitionEngine partition, long admitted, int needed)
    {
        AdmissionGrant? grant = null;
        try
        {
            grant = await _admissions.Request(partition.Number, admitted, needed, Settings.Admit ?? 0);
        }
        catch (Exception error) when (error is StorageException or MqException)
        {
            _options.OnReport($"Topic {Name}: the ledger of admissions could not be written, and what is beyond it is to be sent again: {error.Message}");
        }

        partition.AdmissionsAnswered(grant);
    }

    public void NoteBacklog(PartitionEngine partition, Partition state)
    {
        if (!_gate.Note(partition.Number, PartitionHolding.Of(state, state.Position - partition.FirstPosition)))
            return;
        foreach (var other in OpenPartitions())
            if (other.HasParked)
                other.RoomMade();
    }

    public void NoteInFlight(PartitionEngine partition, string group, int inFlight, string? holder) =>
        _groups.GetValueOrDefault(group)?.Queue?.NoteInFlight(partition.Number, inFlight, holder);

    public void TransactionOverdue(PartitionEngine partition, in OpenTransaction open) => EndOverdue(partition.Number, open);

    /// <summary>The coordinator does it by itself, unless the start could not read what is stored of the transaction.</summary>
    private async void EndOverdue(int partition, OpenTransaction open)
    {
        try
        {
            await _overdue(open.Key, new TransactionPartition(TopicName, partition), open.Producer);
        }
        catch (Exception error)
        {
            _options.OnReport($"Topic {Name}, partition {partition}: a transaction of '{open.Key}' is open past its time and could not be ended, it is tried again: {error.Message}");
        }
    }

    public void VisibleMoved(PartitionEngine partition)
    {
        foreach (var group in _groups)
            group.Value.Queue?.Signal(partition.Number);
    }

    public void Deliverable(PartitionEngine partition, string group) => _groups.GetValueOrDefault(group)?.Queue?.Signal(partition.Number);

    private GroupEngine Engine(GroupDocument document, long version, bool made = false) =>
        new(TopicName, _document.Lineage, document, version, TopicCatalog.GroupKey(Id, document.Name), _storage.Documents, _options.Time, async number => await Partition(number)) { MadeHere = made };

    private void Adopt(GroupEngine group) => _groups[group.Name.Text] = group;

    /// <summary>Limits over all partitions count only what is open: where there are any, all are opened.</summary>
    private async Task ApplyLimits()
    {
        _groupSettings = [.. _groups.Values.Where(group => group.HoldsBack).Select(group => KeyValuePair.Create(group.Name.Text, group.Settings))];
        _tracksBacklog = TopicGate.TracksBacklog(Settings, _groupSettings.Select(group => group.Value));
        if (Settings.Admit is { } cap)
            await _admissions.SetCap(cap);
        if (!_tracksBacklog)
            return;
        for (var p = 0; p < Settings.Partitions; p++)
        {
            try
            {
                (await Partition(p)).SayBacklog();
            }
            catch (MqException error)
            {
                _options.OnReport($"Topic {Name}: the limits don't count partition {p}: {error.Message}");
            }
        }
    }

    private List<PartitionEngine> OpenPartitions() => _slots.Open();

    private Task CloseAll() => _slots.CloseAll();

    public async ValueTask DisposeAsync() => await CloseAll();
}

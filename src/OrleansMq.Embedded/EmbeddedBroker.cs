using System.Collections.Concurrent;
using System.Reflection;
using OrleansMq.Compression;
using OrleansMq.Core.Catalog;
using OrleansMq.Embedded;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Engine.Transactions;
using OrleansMq.Storage.Files;

namespace OrleansMq;

/// <summary>
/// The broker in this process: durable in a folder, or in memory for tests. <c>await using var broker = await EmbeddedBroker.InMemory();</c> is all that a
/// test of your consumers needs; give it a virtual <see cref="TimeProvider"/> and leases, delays and retention follow it.
/// </summary>
public sealed partial class EmbeddedBroker : IBroker
{
    private readonly EmbeddedOptions _options;
    private readonly IStorage _storage;
    private readonly TopicCatalog _catalog;
    private readonly ProducerDesk _producers;
    private readonly ExchangeDesk _exchanges;
    private readonly ConcurrentDictionary<string, Lazy<Task<EmbeddedTopic?>>> _topics = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _gateways = new(StringComparer.Ordinal);
    private readonly GroupCoordinator _coordinator;
    private readonly TransactionCoordinator _transactions;
    private readonly ITimer _hourly;
    private readonly ITimer _idle;

    /// <summary>One upkeep at a time, and none while the broker closes.</summary>
    private readonly SemaphoreSlim _upkeep = new(1);
    private int _hours;
    private volatile bool _closed;

    /// <summary>One for all partitions: what they take in turns, they share.</summary>
    private readonly PartitionHost _host;

    private EmbeddedBroker(EmbeddedOptions options, IStorage storage)
    {
        (_options, _host, _storage) = (options, options.ToHost(), new AnsweringStorage(storage));
        _catalog = new TopicCatalog(_storage.Documents);
        _producers = new ProducerDesk(_storage.Documents, options.Time);
        _exchanges = new ExchangeDesk(_storage.Documents, options.Time, async topic => await FindTopic(topic) is not null);
        _coordinator = new GroupCoordinator(this, _storage.Documents, options.Time, options.NewId);
        _transactions = new TransactionCoordinator(_storage.Documents, new EmbeddedTransactionParts(this, _coordinator), options.Time, options.OnReport);
        _hourly = options.Time.CreateTimer(_ => EachHour(), null, TimeSpan.FromHours(1), TimeSpan.FromHours(1));
        _idle = options.Time.CreateTimer(_ => CloseIdle(), null, options.IdleAfter, options.IdleAfter);
    }

    /// <summary>Starts a broker on its data folder, or in memory.</summary>
    /// <exception cref="StorageException">The folder is in use, damaged, or of a newer version.</exception>
    public static async ValueTask<EmbeddedBroker> Start(EmbeddedOptions options)
    {
        CompressedRecords.Use();
        var storage = options.Storage ?? (options.Data is { } data ? new FileStorage(new FileStorageOptions { Directory = data, Journal = options.Journal, OnNotice = notice => options.OnReport($"{notice.Path}: {notice.Message}") }) : new VolatileStorage());
        var broker = new EmbeddedBroker(options, storage);
        try
        {
            await new UnfinishedTopics(broker._catalog, broker._storage, options.OnReport).Finish();
            await broker._transactions.Recover();
            return broker;
        }
        catch
        {
            // Nothing of it stays at work, and whoever tries again finds the folder free.
            await broker.DisposeAsync();
            throw;
        }
    }

    /// <summary>A broker whose data is gone with it.</summary>
    public static ValueTask<EmbeddedBroker> InMemory(TimeProvider? time = null) => Start(new EmbeddedOptions { Time = time ?? TimeProvider.System });

    public IGroupCoordinator Coordinator => _coordinator;

    public ITransactionCoordinator Transactions => _transactions;

    /// <summary>What a program that pushes puts here, before its gateways start.</summary>
    public IWebhookDirectory? Webhooks { get; set; }

    /// <summary>Tells <see cref="DescribeCluster"/> where a gateway answers.</summary>
    public void Announce(string gateway, string address) => _gateways[gateway] = address;

    public ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default) => ValueTask.FromResult(
        new ClusterDescription(
            typeof(EmbeddedBroker).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0",
            [new NodeDescription(_options.Node, _gateways.ToDictionary(StringComparer.Ordinal))]));

    public async ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default)
    {
        ThrowIfClosed();
        if (await FindTopic(topic) is { } found)
        {
            await found.Change(change);
            return await found.Describe();
        }

        var settings = TopicRules.Create(change);
        TopicRules.CheckStorage(settings, _storage.CanRewrite);
        if (await FindDeadLetters(topic) is not null)
            throw new MqException(ErrorCodes.NameTaken, $"'{topic}' is the name of a group's dead letters.");
        var document = new TopicDocument { Name = topic, Id = _options.NewId(), Settings = settings, CreatedAtMs = _options.Time.GetUtcNow().ToUnixTimeMilliseconds() };
        await _catalog.NameTopic(topic, new UnfinishedTopic(topic.Text, document.Id, settings.Partitions, Deleting: false));
        for (var p = 0; p < settings.Partitions; p++)
            await _storage.CreateLog(new LogId(document.Id, p), new LogDefinition(topic.Text, document.ToJson()));
        try
        {
            await _catalog.PutTopic(document, 0);
        }
        catch (DocumentConflictException)
        {
            // Another call created it between our look and our write: this one is a change.
            for (var p = 0; p < settings.Partitions; p++)
                await _storage.DeleteLog(new LogId(document.Id, p));
            _catalog.Finished(document.Id);
            return await PutTopic(topic, change, cancel);
        }

        _catalog.Finished(document.Id);
        // Whoever looked since the document was written has loaded the topic already, and it must stay that one: a second one would open its logs again, and so end
        // the first's. Only a look that began before may have found nothing, and the next one begins anew.
        var created = await FindTopic(topic) ?? await FindTopic(topic) ?? throw Unknown(topic);
        return await created.Describe(created: true);
    }

    public async ValueTask<TopicDescription> GrowTopic(TopicName topic, int partitions, bool breakKeyOrder = false, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        await found.Grow(partitions, breakKeyOrder);
        return await found.Describe();
    }

    public async ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default)
    {
        if (await FindTopic(topic) is { } found)
        {
            await found.FinishGrowth();
            return await found.Describe();
        }
        return await DescribeDeadLetters(topic) ?? throw Unknown(topic);
    }

    public async ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        await found.Delete();
        Drop(found);
    }

    public async ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default)
    {
        PageSize.Check(max);
        var names = await _catalog.TopicNames();
        var page = new List<TopicName>();
        foreach (var name in names)
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal) || (after is not null && string.CompareOrdinal(name, after) <= 0))
                continue;
            if (page.Count == max)
                return new Page<TopicName>(page, page[^1].Text);
            if (await _catalog.FindTopic(name) is not null)
                page.Add(name);
        }

        return new Page<TopicName>(page, null);
    }

    public ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default)
    {
        ThrowIfClosed();
        return _producers.Open(name);
    }

    public async ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default)
    {
        var found = await Topic(topic);
        return await Publishing.Publish(this, topic, found.Settings, Settings, messages, options, found.NextTurn, _options.Time, cancel);

        async ValueTask<TopicSettings> Settings()
        {
            var again = await Topic(topic);
            await again.FinishGrowth();
            return again.Settings;
        }
    }

    public async ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default)
    {
        var topic = await Topic(request.Topic);
        var batch = BatchAdmission.Check(request, topic.Settings);
        await _producers.RefuseFenced(batch.Producer);
        var partition = await topic.Partition(request.Partition);
        batch = await topic.WithEarlierTokens(batch, request.Partition);
        return await partition.Append(batch, topic.LevelOf(request.Acks), request.Client, request.Wait).WaitAsync(cancel);
    }

    public async ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default)
    {
        if (await FindTopic(topic) is { } found)
            return await (await found.Partition(partition)).FindOffset(at);
        var letters = await FindDeadLetters(topic) ?? throw Unknown(topic);
        return await (await letters.Topic.Partition(partition)).FindDeadLetter(letters.Group.Name, at);
    }

    public async ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default) =>
        await (await (await Topic(topic)).Partition(partition)).DeleteBefore(offset);

    internal async ValueTask<EmbeddedTopic?> FindTopic(TopicName name)
    {
        while (true)
        {
            var (topic, loading) = await LoadedTopic(name);
            if (topic is null || topic.TryUse())
                return topic;
            _topics.TryRemove(new KeyValuePair<string, Lazy<Task<EmbeddedTopic?>>>(name.Text, loading));
        }
    }

    private async ValueTask<(EmbeddedTopic? Topic, Lazy<Task<EmbeddedTopic?>> Loading)> LoadedTopic(TopicName name)
    {
        ThrowIfClosed();
        var loading = _topics.GetOrAdd(name.Text, static (_, state) => new Lazy<Task<EmbeddedTopic?>>(() => state.Self.LoadTopic(state.Name)), (Self: this, Name: name));
        EmbeddedTopic? topic = null;
        try
        {
            topic = await loading.Value;
        }
        finally
        {
            // What is not there, or could not be read, is looked for again.
            if (topic is null)
                _topics.TryRemove(new KeyValuePair<string, Lazy<Task<EmbeddedTopic?>>>(name.Text, loading));
        }

        return (topic, loading);
    }

    private async Task<EmbeddedTopic?> LoadTopic(TopicName name)
    {
        // Whoever closes the broker waits for those that are being loaded, and finds no later ones.
        ThrowIfClosed();
        return await _catalog.FindTopic(name) is { } found ? await EmbeddedTopic.Load(found.Topic, found.Version, _storage, _catalog, _options, _host, _transactions.Overdue) : null;
    }

    internal async ValueTask<EmbeddedTopic> Topic(TopicName name)
    {
        if (await FindTopic(name) is { } found)
            return found;
        throw await FindDeadLetters(name) is null
            ? Unknown(name)
            : new MqException(ErrorCodes.Conflict, $"'{name}' are a group's dead letters: they can be read, redriven and discarded, nothing else.");
    }

    /// <summary>Whose dead letters a name means: every way to read it as <c>{topic}.{group}.dlq</c> is tried, the longest topic last.</summary>
    private async ValueTask<(EmbeddedTopic Topic, GroupEngine Group)?> FindDeadLetters(TopicName name)
    {
        foreach (var (topic, group) in DeadLetterNames.Readings(name))
            if (await FindTopic(topic) is { } found && found.FindGroupEngine(group) is { Queue: not null } engine)
                return (found, engine);
        return null;
    }

    private async ValueTask<TopicDescription?> DescribeDeadLetters(TopicName name)
    {
        if (await FindDeadLetters(name) is not { } letters)
            return null;
        var partitions = new List<PartitionDescription>();
        for (var p = 0; p < letters.Topic.Settings.Partitions; p++)
        {
            var partition = await letters.Topic.Partition(p);
            var (start, end) = await partition.DeadLetterRange(letters.Group.Name);
            partitions.Add(new PartitionDescription(p, _options.Node, start, end, 0));
        }

        return new TopicDescription { Name = name, Settings = new TopicSettings { Partitions = partitions.Count }, Partitions = partitions };
    }

    private static MqException Unknown(TopicName topic) => new(ErrorCodes.TopicUnknown, $"There is no topic '{topic}'.");

    private void ThrowIfClosed()
    {
        if (_closed)
            throw new MqException(ErrorCodes.PartitionUnavailable, "The broker is closing.", TimeSpan.FromSeconds(1));
    }

    /// <summary>Finishes what is in flight, flushes, and closes the data folder.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_closed)
            return;
        _closed = true;
        await _hourly.DisposeAsync();
        await _idle.DisposeAsync();
        await _upkeep.WaitAsync();
        try
        {
            await _transactions.DisposeAsync();
            await _coordinator.DisposeAsync();
            await Each.Of(_topics.Values, async loading =>
            {
                // One that can't be loaded has nothing to close, and whoever asked for it is told.
                await Task.WhenAny(loading.Value);
                if (loading.Value is { IsCompletedSuccessfully: true, Result: { } topic })
                    await topic.DisposeAsync();
            }, _options.OnReport);
        }
        finally
        {
            await _storage.DisposeAsync();
        }
    }
}

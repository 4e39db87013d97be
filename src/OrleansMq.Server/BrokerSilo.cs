using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Providers;
using Orleans.Storage;
using OrleansMq.Client;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Documents;
using OrleansMq.Server.Placement;
using OrleansMq.Server.Topics;

namespace OrleansMq.Server;

/// <summary>What the grains of one silo share: storage, clock, options, and who of them lives here.</summary>
internal sealed partial class BrokerSilo
{
    /// <summary>How long another silo's knowledge of a producer's epoch may be old; a named producer that is opened again waits so long.</summary>
    private static readonly TimeSpan EpochAge = TimeSpan.FromSeconds(1);

    /// <summary>How long another silo's knowledge of an exchange may be old; a change of its bindings waits so long.</summary>
    private static readonly TimeSpan ExchangeAge = TimeSpan.FromMilliseconds(250);

    private readonly IServiceProvider _services;
    private readonly IPersistentStateFactory _states;
    private readonly IGrainFactory _grains;
    private readonly ISiloStatusOracle _silos;
    private readonly ILogger _log;
    // The grain storage of this name where there is one, else the silo's default (null).
    private readonly string? _grainStorage;
    private readonly IGrainStorage? _stored;
    private readonly bool _grainsAreKeptApart;
    private readonly ConcurrentDictionary<GrainId, ILeaver> _residents = new();
    private readonly ConcurrentDictionary<string, string> _gateways = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _compactionTurn = new(1);

    public BrokerSilo(
        IServiceProvider services, IOptions<OrleansMqOptions> options, IPersistentStateFactory states, IGrainFactory grains, ISiloStatusOracle silos, ILocalSiloDetails silo,
        ILogger<BrokerSilo> log)
    {
        (_services, Options, _states, _grains, _silos, _log) = (services, options.Value, states, grains, silos, log);
        (Name, Address) = (silo.Name, silo.SiloAddress);
        Storage = new AnsweringStorage(Options.Storage ?? services.GetKeyedService<IStorage>(OrleansMqOptions.Name) ?? services.GetService<IStorage>()
            ?? throw new OrleansConfigurationException(
                $"AddOrleansMq has no storage for its logs: set {nameof(OrleansMqOptions)}.{nameof(OrleansMqOptions.Storage)}, or register an {nameof(IStorage)}, keyed '{OrleansMqOptions.Name}' or not."));
        var documents = new GrainDocuments(grains);
        (Documents, Catalog, Producers) = (documents, new TopicCatalog(documents), new ProducerDesk(documents, TimeProvider.System, EpochAge));
        Exchanges = new ExchangeDesk(
            documents, TimeProvider.System, async topic => await GrainCalls.Ask(() => grains.GetGrain<ITopicOwner>(topic.Text).Exists()), ExchangeAge);
        var named = services.GetKeyedService<IGrainStorage>(OrleansMqOptions.Name);
        _grainStorage = named is null ? null : OrleansMqOptions.Name;
        _stored = named ?? services.GetKeyedService<IGrainStorage>(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME);
        _grainsAreKeptApart = StateName.AreKeptApart(_stored);
    }

    public OrleansMqOptions Options { get; }

    public IStorage Storage { get; }

    /// <summary>Documents that no single grain owns.</summary>
    public IDocuments Documents { get; }

    /// <summary>The names of all topics.</summary>
    public TopicCatalog Catalog { get; }

    public ProducerDesk Producers { get; }

    public ExchangeDesk Exchanges { get; }

    /// <summary>The broker as code inside this silo has it. Not asked for before it is needed: it needs the silo's grains.</summary>
    public IBroker Broker => _services.GetRequiredService<IBroker>();

    public TimeProvider Time => Options.Time;

    public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The silo's name in answers.</summary>
    public string Name { get; }

    public SiloAddress Address { get; }

    public string Version { get; } =
        typeof(BrokerSilo).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    public IReadOnlyList<SiloAddress> ActiveSilos => [.. _silos.GetApproximateSiloStatuses(onlyActive: true).Keys];

    /// <summary>Partitions and groups that live on this silo.</summary>
    public IEnumerable<KeyValuePair<GrainId, ILeaver>> Residents => _residents;

    public IReadOnlyDictionary<string, string> Gateways => _gateways;

    /// <summary>Says where a gateway of this silo answers.</summary>
    public void Announce(string gateway, string address) => _gateways[gateway] = address;

    /// <summary>It became active once.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>It is active and not leaving.</summary>
    public bool IsServing { get; private set; }

    public void Serving() => HasStarted = IsServing = true;

    public void Stopping() => IsServing = false;

    public void Here(GrainId id, ILeaver resident) => _residents[id] = resident;

    /// <summary>This activation is gone; one that came since stays.</summary>
    public void Gone(GrainId id, ILeaver resident) => _residents.TryRemove(KeyValuePair.Create(id, resident));

    /// <summary>Lets one that lives here go, by a call, so that it happens in its own turn.</summary>
    public async Task Move(GrainId id)
    {
        try
        {
            await _grains.GetGrain(id).AsReference<IMovableGrain>().LeaveSilo();
        }
        catch (Exception failure) when (Failover.OfTheWay(failure) is not null)
        {
            Report($"{id} belongs to another silo now and could not be moved; it stays until it is idle: {failure.Message}");
        }
    }

    public OwnDocuments DocumentsOf(IGrainContext grain, Action leave) => new(StateOf<DocumentShelf>(grain), leave);

    /// <summary>A grain's state in the grain storage that the broker uses; read when the grain is activated.</summary>
    /// <param name="part">For a second state of the grain.</param>
    public IPersistentState<T> StateOf<T>(IGrainContext grain, string? part = null) =>
        _states.Create<T>(grain, new PersistentStateAttribute(StateName.Of(grain.GrainId, _grainsAreKeptApart, part), _grainStorage!));

    /// <summary>What is stored now of a grain's documents, whatever an activation of it that is out of date may know.</summary>
    /// <exception cref="MqException">It can't be read now.</exception>
    public async Task<ShelvedDocument?> Stored(GrainId grain, string key)
    {
        var shelf = new GrainState<DocumentShelf>(new DocumentShelf());
        try
        {
            await _stored!.ReadStateAsync(StateName.Of(grain, _grainsAreKeptApart), grain, shelf);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"The grain storage did not say what is stored of '{key}': {failure.Message}", TimeSpan.FromSeconds(1), failure);
        }

        return shelf.State?.Documents.GetValueOrDefault(key);
    }

    /// <summary>Whether a topic is stored under this name. Its grain is not asked: it would come into memory, and into the directory's caches, for one word.</summary>
    /// <exception cref="MqException">It can't be read now.</exception>
    public async Task<bool> IsTopic(TopicName name) => await Stored(_grains.GetGrain<ITopicOwner>(name.Text).GetGrainId(), TopicCatalog.TopicKey(name)) is not null;

    public PartitionHost HostOf(TaskScheduler scheduler) => new()
    {
        Time = Time,
        Scheduler = scheduler,
        FlushInterval = Options.FlushInterval,
        MaintenanceInterval = Options.MaintenanceInterval,
        SnapshotBytes = Options.SnapshotBytes,
        Compaction = Options.Compaction,
        CompactionTurn = _compactionTurn,
        Report = Report,
    };

    /// <summary>A number that is greater than every one given before for the same thing, also by another silo unless its clock runs ahead.</summary>
    public static long NextRevision(long before) => Math.Max(before + 1, TimeProvider.System.GetUtcNow().UtcTicks);

    public void Report(string what) => LogReport(_log, what);

    [LoggerMessage(1, LogLevel.Warning, "{What}")]
    private static partial void LogReport(ILogger logger, string what);
}

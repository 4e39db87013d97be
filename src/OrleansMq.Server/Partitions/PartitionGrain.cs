using System.Globalization;
using Orleans.Concurrency;
using OrleansMq.Client.Grains;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Server.Deadlines;
using OrleansMq.Server.Placement;
using OrleansMq.Server.Topics;

namespace OrleansMq.Server.Partitions;

/// <summary>
/// Hosts one <see cref="PartitionEngine"/>. The log is opened at the first call that needs it, at a higher epoch, so that an activation that is still somewhere else
/// can write no more; one that finds itself fenced goes away.
/// </summary>
[Reentrant, PartitionPlacement]
internal sealed partial class PartitionGrain : Grain, IPartitionGrain, IPartitionOwner, ILeaver
{
    /// <summary>More calls than this at once are refused with <see cref="ErrorCodes.Overloaded"/>.</summary>
    public const int MaxCalls = 20_000;

    /// <summary>How often the topic's grain is asked whether anything has changed, in case its word was lost.</summary>
    private static readonly TimeSpan AttachInterval = TimeSpan.FromSeconds(15);

    private readonly BrokerSilo _silo;
    private readonly BrokerMetrics _metrics;
    private readonly CancellationTokenSource _leaving = new();
    private Guid _topicId;
    private TopicName _topicName;
    private int _number;
    private GroupSignals _signals = null!;
    private PartitionDeadline _deadline = null!;
    private PartitionTopic? _topic;
    private Task<PartitionEngine>? _opening;
    private int _calls;
    private bool _gaveUp;

    /// <summary>The topic is deleted.</summary>
    private bool _closed;

    public PartitionGrain(BrokerSilo silo, BrokerMetrics metrics) => (_silo, _metrics) = (silo, metrics);

    private ITopicOwner Topic => GrainFactory.GetGrain<ITopicOwner>(_topicName.Text);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        (_topicId, _topicName, var number) = GrainKeys.Read(this.GetPrimaryKeyString());
        _number = int.Parse(number, CultureInfo.InvariantCulture);
        _signals = new GroupSignals(GrainFactory, _topicId, _topicName, _number, _silo.Time, _silo.Report);
        var key = this.GetPrimaryKeyString();
        _deadline = new PartitionDeadline(key, GrainFactory.GetGrain<IDeadlineGrain>(DeadlineGrain.ShardOf(key)), _silo.Report);
        _silo.Here(this.GetGrainId(), this);
        this.RegisterGrainTimer(Reattach, new GrainTimerCreationOptions(AttachInterval, AttachInterval) { Interleave = true });
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _silo.Gone(this.GetGrainId(), this);
        await _leaving.CancelAsync();
        if (!_closed)
            await CloseEngine();
        // The last silo to go takes the keeper with it: to ask would be some seconds of Orleans' retries and stacks, for nothing.
        if (reason.ReasonCode != DeactivationReasonCode.ShuttingDown || _silo.ActiveSilos.Any(other => !other.Equals(_silo.Address)))
            await _deadline.Closed(_closed);
        _leaving.Dispose();
    }

    public void BeginLeaving() => _leaving.Cancel();

    public SiloAddress HomeAmong(IReadOnlyList<SiloAddress> silos) => Spread.OfPartition(this.GetPrimaryKeyString(), silos);

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

    public async Task Close()
    {
        _closed = true;
        await Go();
        await CloseEngine();
    }

    private async Task CloseEngine()
    {
        if (_opening is not { } opening)
            return;
        try
        {
            await (await opening).DisposeAsync();
        }
        catch (Exception failure) when (failure is StorageException or MqException)
        {
            _silo.Report($"Topic {_topicName}, partition {_number}: closing failed, the next opening replays more: {failure.Message}");
        }
    }

    /// <summary>The engine, opened at first use.</summary>
    private async ValueTask<PartitionEngine> Engine()
    {
        if (_closed)
            throw new MqException(ErrorCodes.TopicUnknown, $"Topic '{_topicName}' is deleted.");
        var opening = _opening ??= Open();
        try
        {
            var engine = await opening;
            if (engine.StoppedBecause is { Code: ErrorCodes.PartitionUnavailable })
            {
                GiveUp();
                engine.ThrowIfStopped();
            }

            return engine;
        }
        catch (StorageException error)
        {
            var damaged = error is LogDamagedException;
            // Unavailable may be over the next time; damage stays until somebody has looked at it.
            if (!damaged && _opening == opening)
                _opening = null;
            throw new MqException(
                damaged ? ErrorCodes.PartitionDamaged : ErrorCodes.PartitionUnavailable,
                $"Partition {_number} of topic '{_topicName}' can't be opened: {error.Message}",
                damaged ? null : TimeSpan.FromSeconds(1),
                error);
        }
        catch (Exception failure) when (failure is not StorageException && !opening.IsCompletedSuccessfully)
        {
            // Whatever it was: calls keep this activation alive, so that none but the next of them opens it anew.
            if (_opening == opening)
                _opening = null;
            throw;
        }
    }

    /// <summary>Fenced, or its medium failed: the next activation opens it anew.</summary>
    private void GiveUp()
    {
        if (!_gaveUp)
            _metrics.Stopped();
        _gaveUp = true;
        DeactivateOnIdle();
    }

    private async Task<PartitionEngine> Open()
    {
        var topic = await View();
        if (_number >= topic.Settings.Partitions)
            // It may have grown since: the next call asks anew.
            _topic = null;
        if (_number < 0 || _number >= topic.Settings.Partitions)
            throw new MqException(ErrorCodes.PartitionUnknown, $"Topic '{_topicName}' has {topic.Settings.Partitions} partitions; {_number} was asked.");
        var listed = _deadline.Opened();
        var engine = await PartitionEngine.Open(_silo.Storage, new LogId(_topicId, _number), topic, _silo.HostOf(TaskScheduler.Current));
        _metrics.Opened();
        try
        {
            await EnsureGroups(engine, topic);
            // Before anything comes in it knows of the last growth.
            if (topic.Lineage.KnowsLastGrowth(_number))
                await engine.Grow(topic.Settings.Partitions);
            // A view that came meanwhile found no open partition to tell.
            foreach (var group in topic.Groups)
                engine.SettingsChanged(group.Name);
        }
        catch
        {
            await engine.DisposeAsync();
            throw;
        }

        await listed;
        return engine;
    }

    /// <summary>The topic, as its grain says.</summary>
    private async ValueTask<PartitionTopic> View()
    {
        if (_topic is { } known)
            return known;
        var answer = await GrainCalls.Ask(() => Topic.Attach(_topicId, _number, 0));
        if (answer?.View is { } view)
            return _topic ??= new PartitionTopic(_topicName, _number, view, Topic, _signals, _deadline, AskCoordinator, AskWhetherUsed, _silo.Options.DefaultAcks, _silo.Report);
        DeactivateOnIdle();
        throw new MqException(ErrorCodes.TopicUnknown, $"There is no topic '{_topicName}'.");
    }

    private async Task Reattach(CancellationToken cancel)
    {
        if (_topic is not { } topic)
            return;
        _deadline.TellAgain();
        try
        {
            var engine = _opening is { IsCompletedSuccessfully: true } opened ? opened.Result : null;
            var groups = engine is null ? [] : await engine.Groups();
            if (await GrainCalls.Ask(() => Topic.Attach(_topicId, _number, topic.Revision)) is not { } answer)
                await Go();
            else if (answer.View is { } view)
                await SetView(view);
            if (engine is null || _closed)
                return;
            await DropGone(engine, groups);
            if (await engine.HasWaiting())
                DelayDeactivation(AttachInterval * 4);
        }
        catch (MqException)
        {
            // The topic's grain is moving: the next time.
        }
    }

    /// <summary>Runs a call on the engine; bounded.</summary>
    private async Task<T> On<T>(Func<PartitionEngine, Task<T>> act, int calls = 1)
    {
        if (_calls + calls > MaxCalls)
            throw new MqException(ErrorCodes.Overloaded, $"{MaxCalls} calls are at work on partition {_number} of topic '{_topicName}'.", TimeSpan.FromSeconds(1));
        _calls += calls;
        try
        {
            return await act(await Engine());
        }
        catch (MqException)
        {
            GiveUpIfStopped();
            throw;
        }
        finally
        {
            _calls -= calls;
        }
    }

    private void GiveUpIfStopped()
    {
        if (_opening is { IsCompletedSuccessfully: true } opened && opened.Result.StoppedBecause is { Code: ErrorCodes.PartitionUnavailable })
            GiveUp();
    }

    private Task<bool> On(Func<PartitionEngine, Task> act) => On(async engine =>
    {
        await act(engine);
        return true;
    });
}

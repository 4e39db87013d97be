using Microsoft.Extensions.Logging;
using Orleans.Configuration;

namespace OrleansMq.Streaming;

/// <summary>The topic that a provider's streams lie in, looked up (and made where it is missing) once.</summary>
internal sealed class StreamTopic(IBroker broker, string provider, OrleansMqStreamOptions options, TimeProvider time, ILogger<StreamTopic> logger)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    /// <summary>Feeds of a silo start together, and to describe a topic asks each of its partitions.</summary>
    private static readonly TimeSpan IdentityShared = TimeSpan.FromSeconds(1);

    // Only the last record counts.
    private const long ProgressBytes = 4 << 20;

    private readonly Lock _sync = new();
    private Task<TopicDescription>? _connected;
    private Task<Guid>? _identified;
    private long _identifyBegan;

    public IBroker Broker => broker;

    public TopicName Name { get; } = options.Topic ?? provider;

    public GroupName Group { get; } = options.Group ?? $"streams-{provider}";

    public TopicName DeadLetters { get; } = options.DeadLetterTopic ?? $"{options.Topic ?? provider}.{options.Group ?? $"streams-{provider}"}.dead";

    public TopicName Progress { get; } = $"{options.Topic ?? provider}.{options.Group ?? $"streams-{provider}"}.progress";

    /// <summary>How many partitions the topic has; to be asked for after <see cref="Connect"/>.</summary>
    public int Partitions => _connected is { IsCompletedSuccessfully: true } connected ? connected.Result.Settings.Partitions
        : throw new InvalidOperationException($"The topic {Name} of the stream provider '{provider}' is not connected yet: its silo has not started.");

    public Task<TopicDescription> Connect()
    {
        lock (_sync)
            return _connected is null or { IsFaulted: true } or { IsCanceled: true } ? _connected = Find() : _connected;
    }

    /// <summary>The id of the topic that has the name now; empty where the broker tells none. For a second whoever asks has the same answer.</summary>
    /// <param name="gone">The one that is known to be gone: an answer that names it may be from before its end, and is asked for anew.</param>
    public async Task<Guid> Identify(Guid? gone, CancellationToken cancel)
    {
        var shared = Identified(tooOld: null);
        var id = await shared.WaitAsync(cancel);
        return id != gone ? id : await Identified(tooOld: shared).WaitAsync(cancel);
    }

    private Task<Guid> Identified(Task<Guid>? tooOld)
    {
        lock (_sync)
        {
            if (_identified is { IsFaulted: false, IsCanceled: false } shared && shared != tooOld && time.GetElapsedTime(_identifyBegan) < IdentityShared)
                return shared;
            _identifyBegan = time.GetTimestamp();
            return _identified = AskForId();
        }
    }

    /// <summary>Not ended with one of those who wait for it.</summary>
    private async Task<Guid> AskForId() => (await broker.DescribeTopic(Name)).Id;

    /// <summary>
    /// Readies what a silo needs besides: the group, and the topic of its progress. Progress of a group that is gone (its topic was deleted, say) speaks of
    /// other offsets and goes first.
    /// </summary>
    /// <param name="from">Where the group begins if it is missing.</param>
    public async Task Prepare(StartAt from)
    {
        var topic = await Connect();
        var progress = new TopicChange { Partitions = topic.Settings.Partitions, KeepUnsettled = false, RetentionBytes = ProgressBytes };
        try
        {
            await broker.DescribeGroup(Name, Group);
        }
        catch (MqException unknown) when (unknown.Code == ErrorCodes.GroupUnknown)
        {
            await Forget(Progress);
            await Ensure(Progress, progress);
            await broker.PutGroup(Name, Group, new GroupChange { Style = GroupStyle.Log, From = from });
        }

        await Ensure(Progress, progress);
        await Ensure(DeadLetters, new TopicChange { Partitions = topic.Settings.Partitions, KeepUnsettled = true });
    }

    private async Task Forget(TopicName topic)
    {
        try
        {
            await broker.DeleteTopic(topic);
        }
        catch (MqException unknown) when (unknown.Code == ErrorCodes.TopicUnknown)
        {
        }
    }

    /// <summary>Makes a topic that belongs to the provider, with as many partitions as its own. One that exists stays as it is, but that it has as many where that one has grown.</summary>
    private async Task Ensure(TopicName topic, TopicChange change)
    {
        try
        {
            // Its messages name their partition, so no key's order is at stake.
            if ((await broker.DescribeTopic(topic)).Settings.Partitions < change.Partitions.Value)
                await broker.GrowTopic(topic, change.Partitions.Value, breakKeyOrder: true);
        }
        catch (MqException unknown) when (unknown.Code == ErrorCodes.TopicUnknown)
        {
            await broker.PutTopic(topic, change);
        }
    }

    private async Task<TopicDescription> Find()
    {
        var began = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await FindOrMake();
            }
            catch (MqException e) when (e.IsRetriable && time.GetElapsedTime(began) < options.SendTimeout)
            {
                logger.LogWarning("The topic {Topic} of the stream provider {Provider} does not answer yet ({Code}): {Detail}", Name, provider, e.Code, e.Message);
                await Task.Delay(RetryDelay, time);
            }
        }
    }

    private async Task<TopicDescription> FindOrMake()
    {
        TopicDescription found;
        try
        {
            found = await broker.DescribeTopic(Name);
        }
        catch (MqException unknown) when (unknown.Code == ErrorCodes.TopicUnknown)
        {
            return await broker.PutTopic(Name, new TopicChange { Partitions = options.Partitions });
        }

        // It is not grown to them: that is for whoever owns the topic to do, with the silos stopped.
        if (found.Settings.Partitions != options.Partitions)
            logger.LogInformation("The topic {Topic} has {Partitions} partitions, not the {Asked} that the stream provider {Provider} would make; all are used.",
                Name, found.Settings.Partitions, options.Partitions, provider);
        return found;
    }
}

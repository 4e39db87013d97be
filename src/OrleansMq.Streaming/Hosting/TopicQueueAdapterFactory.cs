using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization;
using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>The parts of one stream provider, made once for its name.</summary>
internal sealed class TopicQueueAdapterFactory : IQueueAdapterFactory, IQueueAdapterCache, IAsyncDisposable
{
    // The agent makes its cache and then its receiver: they are the same feed. A new agent for the queue has a new one.
    private readonly ConcurrentDictionary<QueueId, PartitionFeed> _feeds = [];
    private readonly string _provider;
    private readonly OrleansMqStreamOptions _options;
    private readonly StreamCodec _codec;
    private readonly TimeProvider _time;
    private readonly TimeSpan _streamInactivity;
    private readonly ILogger _logger;
    private readonly TopicQueueAdapter _adapter;

    public TopicQueueAdapterFactory(IServiceProvider services, string provider)
    {
        _provider = provider;
        _options = services.GetRequiredService<IOptionsMonitor<OrleansMqStreamOptions>>().Get(provider);
        _codec = services.GetRequiredKeyedService<StreamCodec>(provider);
        _time = TimeOf(services);
        _streamInactivity = services.GetRequiredService<IOptionsMonitor<StreamPullingAgentOptions>>().Get(provider).StreamInactivityPeriod;
        _logger = services.GetRequiredService<ILoggerFactory>().CreateLogger<PartitionFeed>();
        Topic = services.GetRequiredKeyedService<StreamTopic>(provider);
        _adapter = new TopicQueueAdapter(provider, Topic, _codec, _options, _time, queue => _feeds[queue]);
    }

    public StreamTopic Topic { get; }

    public Task<IQueueAdapter> CreateAdapter() => Task.FromResult<IQueueAdapter>(_adapter);

    public IQueueAdapterCache GetQueueAdapterCache() => this;

    public IQueueCache CreateQueueCache(QueueId queueId) =>
        _feeds[queueId] = new PartitionFeed(_provider, Topic, TopicQueueMapper.PartitionOf(queueId), _codec, _options, _streamInactivity, _time, _logger);

    public IStreamQueueMapper GetStreamQueueMapper() => new TopicQueueMapper(_provider, Topic.Partitions, _codec.Keys);

    public Task<IStreamFailureHandler> GetDeliveryFailureHandler(QueueId queueId) => Task.FromResult<IStreamFailureHandler>(new FailureHandler(this, queueId));

    public ValueTask DisposeAsync() => _adapter.DisposeAsync();

    public static StreamTopic MakeTopic(IServiceProvider services, string provider)
    {
        var options = services.GetRequiredService<IOptionsMonitor<OrleansMqStreamOptions>>().Get(provider);
        var broker = options.Broker is { } key ? services.GetRequiredKeyedService<IBroker>(key)
            : services.GetKeyedService<IBroker>(provider) ?? services.GetRequiredService<IBroker>();
        return new StreamTopic(broker, provider, options, TimeOf(services), services.GetRequiredService<ILogger<StreamTopic>>());
    }

    public static StreamCodec MakeCodec(IServiceProvider services, string provider)
    {
        var options = services.GetRequiredService<IOptionsMonitor<OrleansMqStreamOptions>>().Get(provider);
        var serializer = services.GetRequiredService<Serializer>();
        // Not registered by default: an own adapter under the provider's name takes the place of ours.
        var adapter = services.GetKeyedService<IStreamDataAdapter>(provider) ?? new StreamDataAdapter(serializer, options.Bodies, JsonSerializerOptions.Web);
        return new StreamCodec(adapter, serializer, new StreamKey(options.DefaultNamespace));
    }

    private static TimeProvider TimeOf(IServiceProvider services) => services.GetService<TimeProvider>() ?? TimeProvider.System;

    private sealed class FailureHandler(TopicQueueAdapterFactory factory, QueueId queue) : IStreamFailureHandler
    {
        /// <summary>No subscription ends because of an event: the event goes to dead letters.</summary>
        public bool ShouldFaultSubsriptionOnError => false;

        public Task OnDeliveryFailure(GuidId subscriptionId, string streamProviderName, StreamId streamIdentity, StreamSequenceToken? sequenceToken) =>
            factory._feeds.TryGetValue(queue, out var feed) ? feed.MoveToDeadLetters(subscriptionId.Guid, streamIdentity, sequenceToken) : Task.CompletedTask;

        /// <summary>A handshake failed; the agent goes on from where the stream's news began, and the subscriber says where it wants to be when it is given something.</summary>
        public Task OnSubscriptionFailure(GuidId subscriptionId, string streamProviderName, StreamId streamIdentity, StreamSequenceToken? sequenceToken) => Task.CompletedTask;
    }
}

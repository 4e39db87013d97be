using System.Diagnostics;
using Orleans.Configuration;
using Orleans.Streams;

namespace OrleansMq.Streaming;

/// <summary>Sends events to the topic; makes the receivers of its partitions.</summary>
internal sealed class TopicQueueAdapter(
    string provider, StreamTopic topic, StreamCodec codec, OrleansMqStreamOptions options, TimeProvider time, Func<QueueId, IQueueAdapterReceiver> receiver) : IQueueAdapter, IAsyncDisposable
{
    private readonly Producer _producer = new(topic.Broker, topic.Name, new ProducerOptions { Acks = options.Acks, RetryFor = options.SendTimeout, Client = provider }, time);

    public string Name => provider;

    public bool IsRewindable => true;

    public StreamProviderDirection Direction => StreamProviderDirection.ReadWrite;

    public IQueueAdapterReceiver CreateReceiver(QueueId queueId) => receiver(queueId);

    public async Task QueueMessageBatchAsync<T>(StreamId streamId, IEnumerable<T> events, StreamSequenceToken? token, Dictionary<string, object>? requestContext)
    {
        if (token is not (null or ProducerToken))
            throw new ArgumentException("A producer gives no position: the topic does. An idempotency token is given with OnNextAsync(item, idempotencyToken).", nameof(token));
        var items = events as IReadOnlyList<T> ?? [.. events];
        if (items.Count == 0)
            return;
        using var activity = StreamDiagnostics.StartPublish(topic.Name, streamId, items.Count);
        var trace = (activity ?? Activity.Current) is { IdFormat: ActivityIdFormat.W3C } current ? current.Id : null;
        var messages = new Message[items.Count];
        for (var i = 0; i < messages.Length; i++)
            messages[i] = codec.Write(streamId, items[i], TokenOf(token, i), requestContext, trace);
        await topic.Connect();
        try
        {
            await _producer.SendTogether(messages);
            StreamDiagnostics.Sent(topic.Name, messages.Length);
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }

    public ValueTask DisposeAsync() => _producer.DisposeAsync();

    // A batch repeated is the same batch: each of its events needs a token of its own.
    private static string? TokenOf(StreamSequenceToken? token, int index) =>
        token is not ProducerToken given ? null : index == 0 ? given.Token : $"{given.Token}#{index}";
}

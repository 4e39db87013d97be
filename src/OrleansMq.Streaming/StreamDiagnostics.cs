using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace OrleansMq.Streaming;

/// <summary>Traces and metrics under OpenTelemetry's names for messaging.</summary>
public static class StreamDiagnostics
{
    /// <summary>Name of both the <see cref="ActivitySource"/> and the <see cref="Meter"/>.</summary>
    public const string Name = "OrleansMq.Streaming";

    private const string System = "messaging.system";
    private const string Destination = "messaging.destination.name";
    private const string Operation = "messaging.operation.name";
    private const string Partition = "messaging.destination.partition.id";
    private const string Group = "messaging.consumer.group.name";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> SentMessages = Meter.CreateCounter<long>("messaging.client.sent.messages", "{message}", "Events stored");
    private static readonly Counter<long> ConsumedMessages = Meter.CreateCounter<long>("messaging.client.consumed.messages", "{message}", "Events that a subscriber has settled");
    private static readonly Histogram<double> ProcessDuration = Meter.CreateHistogram<double>("messaging.process.duration", "s", "How long a subscriber took for a batch");
    private static readonly Counter<long> RefusedDeliveries = Meter.CreateCounter<long>("orleansmq.streams.refused", "{delivery}", "Deliveries that a subscriber refused");
    private static readonly Counter<long> DeadLetters = Meter.CreateCounter<long>("orleansmq.streams.dead_letters", "{message}", "Events moved to dead letters");
    private static readonly Counter<long> Spilled = Meter.CreateCounter<long>("orleansmq.streams.spilled", "{event}", "Events dropped from the cache, to be read again from the log");
    private static readonly Counter<long> Skipped = Meter.CreateCounter<long>("orleansmq.streams.skipped", "{message}", "Messages that could not be an event or were gone before they were read");

    internal static Activity? StartPublish(TopicName topic, StreamId stream, int count)
    {
        var activity = Source.StartActivity($"publish {topic}", ActivityKind.Producer);
        return activity is { IsAllDataRequested: true } ? Tag(activity, topic, "publish", stream, count) : activity;
    }

    internal static Activity? StartProcess(TopicName topic, GroupName group, StreamBatch batch)
    {
        if (!Source.HasListeners())
            return null;
        var parent = batch.Events.Count > 0 && ActivityContext.TryParse(batch.Events[0].Header(Records.ReservedHeaders.TraceParent), null, isRemote: true, out var context) ? context : default;
        var activity = Source.StartActivity($"process {topic}", ActivityKind.Consumer, parent);
        if (activity is not { IsAllDataRequested: true })
            return activity;
        activity.SetTag(Group, group.Text);
        activity.SetTag(Partition, batch.Partition.ToString(global::System.Globalization.CultureInfo.InvariantCulture));
        return Tag(activity, topic, "process", batch.StreamId, batch.Events.Count);
    }

    internal static void Sent(TopicName topic, int count)
    {
        if (SentMessages.Enabled)
            SentMessages.Add(count, new TagList { { System, "orleansmq" }, { Destination, topic.Text }, { Operation, "publish" } });
    }

    internal static void Processed(TopicName topic, GroupName group, int events, TimeSpan took)
    {
        var tags = new TagList { { System, "orleansmq" }, { Destination, topic.Text }, { Group, group.Text }, { Operation, "process" } };
        ConsumedMessages.Add(events, tags);
        ProcessDuration.Record(took.TotalSeconds, tags);
    }

    internal static void Refused(TopicName topic, string error) => RefusedDeliveries.Add(1, new TagList { { Destination, topic.Text }, { "error.type", error } });

    internal static void DeadLettered(TopicName topic) => DeadLetters.Add(1, new TagList { { Destination, topic.Text } });

    internal static void Spill(TopicName topic, long events) => Spilled.Add(events, new TagList { { Destination, topic.Text } });

    internal static void Skip(TopicName topic, long messages) => Skipped.Add(messages, new TagList { { Destination, topic.Text } });

    private static Activity Tag(Activity activity, TopicName topic, string operation, StreamId stream, int count)
    {
        activity.SetTag(System, "orleansmq");
        activity.SetTag(Destination, topic.Text);
        activity.SetTag(Operation, operation);
        activity.SetTag("messaging.batch.message_count", count);
        activity.SetTag("orleansmq.stream.id", stream.ToString());
        return activity;
    }
}

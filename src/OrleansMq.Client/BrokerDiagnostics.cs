using System.Diagnostics;

namespace OrleansMq.Client;

/// <summary>Spans of calls to the cluster, under OpenTelemetry's names for messaging. A call's tries are one span; with Orleans' activity propagation the grains' lie inside it.</summary>
public static class BrokerDiagnostics
{
    /// <summary>Name of the <see cref="ActivitySource"/>.</summary>
    public const string Name = "OrleansMq.Client";

    private static readonly ActivitySource Source = new(Name);

    internal static Activity? StartAppend(TopicName topic, int partition)
    {
        var activity = Start("append", ActivityKind.Producer, topic);
        activity?.SetTag("messaging.destination.partition.id", partition.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return activity;
    }

    internal static Activity? StartReceive(TopicName topic, GroupName group) => Start("receive", ActivityKind.Client, topic, group);

    internal static Activity? StartSettle(TopicName topic, GroupName group, int leases) =>
        Start("settle", ActivityKind.Client, topic, group)?.SetTag("messaging.batch.message_count", leases);

    /// <summary>What it ended with, where it was refused.</summary>
    internal static void Refused(Activity? activity, MqException refusal)
    {
        activity?.SetTag("error.type", refusal.Code);
        activity?.SetStatus(ActivityStatusCode.Error, refusal.Message);
    }

    private static Activity? Start(string operation, ActivityKind kind, TopicName topic, GroupName? group = null)
    {
        if (!Source.HasListeners())
            return null;
        var activity = Source.StartActivity($"{operation} {topic}", kind);
        if (activity is not { IsAllDataRequested: true })
            return activity;
        activity.SetTag("messaging.system", "orleansmq");
        activity.SetTag("messaging.operation.name", operation);
        activity.SetTag("messaging.destination.name", topic.Text);
        if (group is { } named)
            activity.SetTag("messaging.consumer.group.name", named.Text);
        return activity;
    }
}

using System.Globalization;
using OrleansMq.Embedded;
using OrleansMq.Engine.Partitions;

namespace OrleansMq;

/// <summary>What the partitions hold that were used since the start, as Prometheus text.</summary>
public sealed partial class EmbeddedBroker
{
    private static readonly (string Name, string Type, string Help, Func<PartitionFigures, double> Of)[] PartitionMetrics =
    [
        ("orleansmq_partition_start_offset", "gauge", "First offset kept.", figures => figures.Start),
        ("orleansmq_partition_end_offset", "gauge", "Offset of the next message.", figures => figures.End),
        ("orleansmq_partition_log_bytes", "gauge", "Bytes stored.", figures => figures.Bytes),
        ("orleansmq_partition_tokens", "gauge", "Idempotency tokens remembered.", figures => figures.Tokens),
        ("orleansmq_partition_tokens_forgotten_early_total", "counter", "Idempotency tokens dropped by count before their age.", figures => figures.TokensForgottenEarly),
        ("orleansmq_partition_producers", "gauge", "Producers whose sequences are remembered.", figures => figures.Producers),
    ];

    private static readonly (string Name, string Type, string Help, Func<GroupFigures, double> Of)[] GroupMetrics =
    [
        ("orleansmq_group_lag", "gauge", "Messages not settled.", figures => figures.Lag),
        ("orleansmq_group_in_flight", "gauge", "Messages under a lease.", figures => figures.InFlight),
        ("orleansmq_group_dead_letters", "gauge", "Dead letters not redriven nor discarded.", figures => figures.DeadLetters),
        ("orleansmq_group_dropped_total", "counter", "Messages removed before the group settled them.", figures => figures.Dropped),
    ];

    /// <summary>Writes the figures of all partitions that are open, and of those closed since they were idle, as they were then.</summary>
    public async ValueTask WriteMetrics(TextWriter to, CancellationToken cancel)
    {
        var all = new List<(string Topic, PartitionFigures Figures)>();
        foreach (var topic in OpenTopics())
            foreach (var figures in await topic.Figures())
                all.Add((topic.Name, figures));
        cancel.ThrowIfCancellationRequested();
        Head(to, "orleansmq_partitions_open", "gauge", "Partitions that are open; idle ones are closed.");
        to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"orleansmq_partitions_open {OpenTopics().Sum(topic => topic.OpenCount)}"));
        foreach (var metric in PartitionMetrics)
        {
            Head(to, metric.Name, metric.Type, metric.Help);
            foreach (var (topic, figures) in all)
                to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{metric.Name}{{topic=\"{topic}\",partition=\"{figures.Partition}\"}} {metric.Of(figures)}"));
        }

        foreach (var metric in GroupMetrics)
        {
            Head(to, metric.Name, metric.Type, metric.Help);
            foreach (var (topic, figures) in all)
                foreach (var group in figures.Groups)
                    to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{metric.Name}{{topic=\"{topic}\",group=\"{group.Group}\",partition=\"{figures.Partition}\"}} {metric.Of(group)}"));
        }
    }

    private static void Head(TextWriter to, string name, string type, string help)
    {
        to.WriteLine($"# HELP {name} {help}");
        to.WriteLine($"# TYPE {name} {type}");
    }

    private List<EmbeddedTopic> OpenTopics()
    {
        var open = new List<EmbeddedTopic>();
        foreach (var loading in _topics.Values)
            if (loading.IsValueCreated && loading.Value is { IsCompletedSuccessfully: true, Result: { } topic })
                open.Add(topic);
        return open;
    }
}

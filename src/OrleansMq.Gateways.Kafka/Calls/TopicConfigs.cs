using System.Globalization;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>A topic's settings under Kafka's names. What has no meaning here is refused, not passed over.</summary>
internal static class TopicConfigs
{
    private const string Unlimited = "-1";

    // 3,660 days, the longest that a topic's retention may be: Kafka's "for ever".
    private static readonly TimeSpan LongestRetention = TimeSpan.FromDays(3660);

    private static readonly Dictionary<string, Config> Known = new(StringComparer.Ordinal)
    {
        ["cleanup.policy"] = new(
            settings => settings.Compact ? "compact" : "delete",
            (change, value) => change with { Compact = value switch { null => Change<bool>.Default, "delete" => false, "compact" => true, _ => throw Refused("cleanup.policy", value, "delete or compact, not both") } }),
        ["compression.type"] = new(_ => "producer", (change, value) => value is null or "producer" ? change : throw Refused("compression.type", value, "producer: batches stay as they were sent")),
        ["delete.retention.ms"] = new(
            settings => Text((long)(settings.TombstoneAge ?? TimeSpan.FromHours(24)).TotalMilliseconds),
            (change, value) => change with { TombstoneAge = value is null ? Change<TimeSpan?>.Default : TimeSpan.FromMilliseconds(Number("delete.retention.ms", value)) }),
        ["max.message.bytes"] = new(
            settings => Text(settings.MaxBatchBytes),
            (change, value) => value is null
                ? change with { MaxBatchBytes = Change<int>.Default, MaxMessageBytes = Change<int>.Default }
                : change with { MaxBatchBytes = Bytes("max.message.bytes", value), MaxMessageBytes = Bytes("max.message.bytes", value) }),
        ["message.timestamp.type"] = new(_ => "CreateTime", (change, value) => value is null or "CreateTime" ? change : throw Refused("message.timestamp.type", value, "CreateTime")),
        ["min.cleanable.dirty.ratio"] = new(
            settings => (settings.CompactDirtyRatio ?? 0.5).ToString(CultureInfo.InvariantCulture),
            (change, value) => change with { CompactDirtyRatio = value is null ? Change<double?>.Default : Ratio("min.cleanable.dirty.ratio", value) }),
        ["min.compaction.lag.ms"] = new(
            settings => Text((long)(settings.CompactMinAge ?? TimeSpan.Zero).TotalMilliseconds),
            (change, value) => change with { CompactMinAge = value is null ? Change<TimeSpan?>.Default : TimeSpan.FromMilliseconds(Number("min.compaction.lag.ms", value)) }),
        ["min.insync.replicas"] = new(_ => "1", (change, value) => value is null or "1" ? change : throw Refused("min.insync.replicas", value, "1")),
        ["retention.bytes"] = new(
            settings => settings.RetentionBytes is { } bytes ? Text(bytes) : Unlimited,
            (change, value) => change with { RetentionBytes = value switch { null => Change<long?>.Default, Unlimited => Change<long?>.To(null), _ => Number("retention.bytes", value) } }),
        ["retention.ms"] = new(
            settings => settings.Retention >= LongestRetention ? Unlimited : Text((long)settings.Retention.TotalMilliseconds),
            (change, value) => change with { Retention = value switch { null => Change<TimeSpan>.Default, Unlimited => LongestRetention, _ => TimeSpan.FromMilliseconds(Number("retention.ms", value)) } }),
    };

    private static readonly TopicSettings Standard = new();

    private sealed record Config(Func<TopicSettings, string> Read, Func<TopicChange, string?, TopicChange> Set);

    public static IEnumerable<string> Names => Known.Keys;

    /// <returns>The value, and whether it is the default; null for a name that is not known.</returns>
    public static (string Value, bool IsDefault)? Read(TopicSettings settings, string name) =>
        Known.TryGetValue(name, out var config) ? (config.Read(settings), config.Read(settings) == config.Read(Standard)) : null;

    /// <param name="value">Null: the default.</param>
    /// <exception cref="InvalidConfigException">No such setting, or not this value.</exception>
    public static TopicChange Set(TopicChange change, string name, string? value) =>
        Known.TryGetValue(name, out var config) ? config.Set(change, value) : throw new InvalidConfigException($"There is no setting '{name}' here: {string.Join(", ", Known.Keys)}.");

    public static TopicChange Of(IEnumerable<ConfigEntry> configs)
    {
        var change = new TopicChange();
        foreach (var config in configs)
            change = Set(change, config.Name, config.Value);
        return change;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static int Bytes(string name, string value) => (int)Math.Min(Number(name, value), int.MaxValue);

    private static long Number(string name, string value) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= (long)TimeSpan.MaxValue.TotalMilliseconds ? number : throw Refused(name, value, "a number");

    private static double Ratio(string name, string value) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number) && number is >= 0 and <= 1 ? number : throw Refused(name, value, "a number from 0 to 1");

    private static InvalidConfigException Refused(string name, string value, string may) => new($"{name} is {may}; '{value}' was given.");
}

/// <summary>A setting that Kafka has and we don't, or a value that can't be.</summary>
internal sealed class InvalidConfigException(string message) : Exception(message);

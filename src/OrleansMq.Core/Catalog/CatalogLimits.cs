using System.Globalization;

namespace OrleansMq.Core.Catalog;

/// <summary>One setting's range, both ends included. Names and units are those of HTTP v1.</summary>
/// <param name="Default">Null: no limit unless one is set.</param>
public sealed record CatalogLimit(string Name, decimal Min, decimal Max, decimal? Default)
{
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>, with name, range and what was given.</exception>
    public void Check(TimeSpan value) => Check((decimal)value.Ticks / TimeSpan.TicksPerMillisecond);

    internal void Check(double? value)
    {
        if (value is not { } rate)
            return;
        if (!double.IsFinite(rate) || Math.Abs(rate) > 1e27)
            throw Refusal(rate.ToString(CultureInfo.InvariantCulture));
        Check((decimal)rate);
    }

    internal void Check(long? value)
    {
        if (value is { } number)
            Check((decimal)number);
    }

    private void Check(decimal value)
    {
        if (value < Min || value > Max)
            throw Refusal(value.ToString(CultureInfo.InvariantCulture));
    }

    private MqException Refusal(string given) =>
        new(ErrorCodes.Malformed, string.Create(CultureInfo.InvariantCulture, $"{Name} is {Min} to {Max}; {given} was given."));
}

/// <summary>Every limit of a topic's and a group's settings, in one place.</summary>
public static class CatalogLimits
{
    private const long Second = 1000, Hour = 3600 * Second, Day = 24 * Hour;

    private static readonly TopicSettings Topic = new();
    private static readonly GroupSettings Group = new();

    public static CatalogLimit Partitions { get; } = new("partitions", 1, TopicSettings.MaxPartitions, Topic.Partitions);

    /// <summary>Ten years is for ever; longer numbers overflow somebody's clock.</summary>
    public static CatalogLimit Retention { get; } = new("retentionMs", Second, 3660 * Day, (decimal)Topic.Retention.TotalMilliseconds);

    public static CatalogLimit RetentionBytes { get; } = new("retentionBytes", 1, long.MaxValue, null);
    public static CatalogLimit MaxMessages { get; } = new("maxMessages", 1, long.MaxValue, null);
    public static CatalogLimit MaxBytes { get; } = new("maxBytes", 1, long.MaxValue, null);
    public static CatalogLimit Admit { get; } = new("admit", 0, 1_000_000_000_000_000, null);

    /// <summary>One message in about twelve days to more than any machine does.</summary>
    public static CatalogLimit Rate { get; } = new("ratePerSecond", 0.000001m, 1_000_000_000, null);

    public static CatalogLimit ProducerRate { get; } = Rate with { Name = "producerRatePerSecond" };

    /// <summary>At most <see cref="MaxBatchBytes"/>.</summary>
    public static CatalogLimit MaxMessageBytes { get; } = new("maxMessageBytes", 1, 64 << 20, Topic.MaxMessageBytes);

    public static CatalogLimit MaxBatchBytes { get; } = new("maxBatchBytes", 1024, 64 << 20, Topic.MaxBatchBytes);

    /// <summary>0 remembers none. Ten million take about 500 MB for each partition.</summary>
    public static CatalogLimit TokenCount { get; } = new("tokens.count", 0, 10_000_000, Topic.TokenCount);

    public static CatalogLimit TokenAge { get; } = new("tokens.ageMs", 1, 7 * Day, (decimal)Topic.TokenAge.TotalMilliseconds);
    public static CatalogLimit TimeToLive { get; } = new("ttlMs", 1, 3660 * Day, null);
    public static CatalogLimit CompactDirtyRatio { get; } = new("compaction.dirtyRatio", 0, 1, null);
    public static CatalogLimit CompactMinAge { get; } = new("compaction.minAgeMs", 0, 3660 * Day, null);
    public static CatalogLimit TombstoneAge { get; } = new("compaction.tombstoneAgeMs", 0, 3660 * Day, null);
    public static CatalogLimit MaxActive { get; } = new("maxActive", 1, 1, null);
    public static CatalogLimit MaxDeliveries { get; } = new("maxDeliveries", 1, 1000, Group.MaxDeliveries);

    /// <summary>None: delivered again at once.</summary>
    public static CatalogLimit BackoffSteps { get; } = new("the number of steps in backoffMs", 0, 100, Group.Backoff.Count);

    public static CatalogLimit BackoffStep { get; } = new("a step of backoffMs", 0, Day, null);

    /// <summary>12 h at most, as SQS.</summary>
    /// <summary>A day is long enough to hold a key for somebody who says nothing.</summary>
    public static CatalogLimit SessionIdle { get; } = new("sessionIdleMs", 100, Day, null);

    /// <summary>Shorter than NATS's 5 s; as long at most as a group that was made by first use lives unused.</summary>
    public static CatalogLimit DeleteAfterIdle { get; } = new("deleteAfterIdleMs", Second, 7 * Day, null);

    public static CatalogLimit Lease { get; } = new("leaseMs", 100, 12 * Hour, (decimal)Group.Lease.TotalMilliseconds);

    public static CatalogLimit MaxInFlight { get; } = new("maxInFlight", 1, 1_000_000, Group.MaxInFlight);

    /// <summary>The whole table, for documentation and for clients that ask.</summary>
    public static IReadOnlyList<CatalogLimit> All { get; } =
    [
        Partitions, Retention, RetentionBytes, MaxMessages, MaxBytes, Admit, Rate, ProducerRate, MaxMessageBytes, MaxBatchBytes, TokenCount, TokenAge, TimeToLive, CompactDirtyRatio, CompactMinAge, TombstoneAge,
        MaxActive, MaxDeliveries, BackoffSteps, BackoffStep, Lease, MaxInFlight, DeleteAfterIdle,
    ];
}

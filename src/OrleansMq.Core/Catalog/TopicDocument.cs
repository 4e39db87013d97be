using System.Text.Json.Serialization;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Catalog;

/// <summary>A topic's definition as it is stored.</summary>
public sealed record TopicDocument
{
    public required TopicName Name { get; init; }

    /// <summary>Drawn when the topic was made: a topic deleted and made again under its name is another.</summary>
    public required Guid Id { get; init; }

    public required TopicSettings Settings { get; init; }
    public required long CreatedAtMs { get; init; }

    /// <summary>How many partitions it had before it grew, rising.</summary>
    public IReadOnlyList<EarlierCount> Earlier { get; init; } = [];

    /// <summary>A growth to so many partitions was begun: their logs may be there, and the old ones may have been told. It is finished by whoever takes the topic up.</summary>
    public int? Growing { get; init; }

    public PartitionLineage Lineage => new(Earlier, Settings.Partitions);

    /// <summary>So many logs may be there.</summary>
    public int Logs => Math.Max(Settings.Partitions, Growing ?? 0);

    /// <summary>The topic with the growth that was begun behind it.</summary>
    public TopicDocument Grown(long nowMs) => Growing is not { } partitions ? this : this with
    {
        Settings = Settings with { Partitions = partitions },
        Earlier = [.. Earlier, new EarlierCount(Settings.Partitions, nowMs)],
        Growing = null,
    };

    public byte[] ToJson() => JsonDocuments.Write(
        new TopicForm
        {
            Version = 1,
            Name = Name.Text,
            Id = Id,
            CreatedAtMs = CreatedAtMs,
            Settings = TopicSettingsForm.Of(Settings),
            Earlier = Earlier.Count == 0 ? null : [.. Earlier.Select(count => new EarlierCountForm { Partitions = count.Partitions, UntilMs = count.UntilMs })],
            Growing = Growing,
        }, CatalogJson.Default.TopicForm);

    /// <exception cref="StateFormatException">The bytes are not such a document.</exception>
    public static TopicDocument FromJson(ReadOnlySpan<byte> json)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.TopicForm, "topic document", f => f.Version);
        var topic = JsonDocuments.Checked("topic document", () => new TopicDocument
        {
            Name = new TopicName(form.Name),
            Id = form.Id,
            CreatedAtMs = form.CreatedAtMs,
            Settings = (form.Settings ?? new TopicSettingsForm()).Read(),
            Earlier = form.Earlier is null ? [] : [.. form.Earlier.Select(count => new EarlierCount(count.Partitions, count.UntilMs))],
            Growing = form.Growing,
        });
        int[] counts = [0, .. topic.Earlier.Select(count => count.Partitions), topic.Settings.Partitions, .. topic.Growing is { } growing ? [growing] : Array.Empty<int>()];
        StateReader.Check(counts.Zip(counts.Skip(1)).All(pair => pair.First < pair.Second) && counts[^1] <= TopicSettings.MaxPartitions, "The topic document's counts of partitions can't be.");
        return topic;
    }
}

/// <summary>As stored.</summary>
internal sealed class TopicForm
{
    [JsonRequired]
    public int Version { get; set; }

    [JsonRequired]
    public string Name { get; set; } = "";

    [JsonRequired]
    public Guid Id { get; set; }

    public long CreatedAtMs { get; set; }
    public TopicSettingsForm? Settings { get; set; }
    public EarlierCountForm[]? Earlier { get; set; }
    public int? Growing { get; set; }
}

/// <summary>As stored.</summary>
internal sealed class EarlierCountForm
{
    [JsonRequired]
    public int Partitions { get; set; }

    public long UntilMs { get; set; }
}

/// <summary>As stored. A field that is missing has its default: an older program did not know it.</summary>
internal sealed class TopicSettingsForm
{
    private static readonly TopicSettings Standard = new();

    public int Partitions { get; set; } = Standard.Partitions;
    public Acks? Acks { get; set; }
    public bool KeepUnsettled { get; set; } = Standard.KeepUnsettled;
    public long RetentionMs { get; set; } = (long)Standard.Retention.TotalMilliseconds;
    public long? RetentionBytes { get; set; }
    public long? MaxMessages { get; set; }
    public long? MaxBytes { get; set; }
    public WhenFull WhenFull { get; set; } = Standard.WhenFull;
    public long? Admit { get; set; }
    public double? RatePerSecond { get; set; }
    public double? ProducerRatePerSecond { get; set; }
    public int MaxMessageBytes { get; set; } = Standard.MaxMessageBytes;
    public int MaxBatchBytes { get; set; } = Standard.MaxBatchBytes;
    public int TokenCount { get; set; } = Standard.TokenCount;
    public long TokenAgeMs { get; set; } = (long)Standard.TokenAge.TotalMilliseconds;
    public long? TtlMs { get; set; }
    public bool Compact { get; set; }
    public double? CompactDirtyRatio { get; set; }
    public long? CompactMinAgeMs { get; set; }
    public long? TombstoneAgeMs { get; set; }

    public static TopicSettingsForm Of(TopicSettings settings) => new()
    {
        Partitions = settings.Partitions,
        Acks = settings.Acks,
        KeepUnsettled = settings.KeepUnsettled,
        RetentionMs = (long)settings.Retention.TotalMilliseconds,
        RetentionBytes = settings.RetentionBytes,
        MaxMessages = settings.MaxMessages,
        MaxBytes = settings.MaxBytes,
        WhenFull = settings.WhenFull,
        Admit = settings.Admit,
        RatePerSecond = settings.RatePerSecond,
        ProducerRatePerSecond = settings.ProducerRatePerSecond,
        MaxMessageBytes = settings.MaxMessageBytes,
        MaxBatchBytes = settings.MaxBatchBytes,
        TokenCount = settings.TokenCount,
        TokenAgeMs = (long)settings.TokenAge.TotalMilliseconds,
        TtlMs = (long?)settings.TimeToLive?.TotalMilliseconds,
        Compact = settings.Compact,
        CompactDirtyRatio = settings.CompactDirtyRatio,
        CompactMinAgeMs = (long?)settings.CompactMinAge?.TotalMilliseconds,
        TombstoneAgeMs = (long?)settings.TombstoneAge?.TotalMilliseconds,
    };

    public TopicSettings Read() => new()
    {
        Partitions = Partitions,
        Acks = Acks,
        KeepUnsettled = KeepUnsettled,
        Retention = TimeSpan.FromMilliseconds(RetentionMs),
        RetentionBytes = RetentionBytes,
        MaxMessages = MaxMessages,
        MaxBytes = MaxBytes,
        WhenFull = WhenFull,
        Admit = Admit,
        RatePerSecond = RatePerSecond,
        ProducerRatePerSecond = ProducerRatePerSecond,
        MaxMessageBytes = MaxMessageBytes,
        MaxBatchBytes = MaxBatchBytes,
        TokenCount = TokenCount,
        TokenAge = TimeSpan.FromMilliseconds(TokenAgeMs),
        TimeToLive = TtlMs is { } life ? TimeSpan.FromMilliseconds(life) : null,
        Compact = Compact,
        CompactDirtyRatio = CompactDirtyRatio,
        CompactMinAge = CompactMinAgeMs is { } minAge ? TimeSpan.FromMilliseconds(minAge) : null,
        TombstoneAge = TombstoneAgeMs is { } age ? TimeSpan.FromMilliseconds(age) : null,
    };
}

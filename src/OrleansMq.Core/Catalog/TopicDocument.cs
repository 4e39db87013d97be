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

    public byte[] ToJson() => JsonDocuments.Write(
        new TopicForm { Version = 1, Name = Name.Text, Id = Id, CreatedAtMs = CreatedAtMs, Settings = TopicSettingsForm.Of(Settings) }, CatalogJson.Default.TopicForm);

    /// <exception cref="StateFormatException">The bytes are not such a document.</exception>
    public static TopicDocument FromJson(ReadOnlySpan<byte> json)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.TopicForm, "topic document", f => f.Version);
        return JsonDocuments.Checked("topic document", () => new TopicDocument
        {
            Name = new TopicName(form.Name),
            Id = form.Id,
            CreatedAtMs = form.CreatedAtMs,
            Settings = (form.Settings ?? new TopicSettingsForm()).Read(),
        });
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
    };
}

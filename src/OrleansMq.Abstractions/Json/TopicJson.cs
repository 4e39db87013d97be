using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Topics: their definition as it is put, and as it stands.</summary>
public static class TopicJson
{
    private const long MaxTokenAgeMs = 7L * 24 * 60 * 60 * 1000;

    /// <summary>An absent field keeps its value, null restores the default.</summary>
    public static TopicChange ReadChange(JsonSpot spot)
    {
        var change = new TopicChange();
        foreach (var field in spot.Fields())
        {
            change = field.Name switch
            {
                "partitions" => change with { Partitions = field.Change(f => f.Int32(1, TopicSettings.MaxPartitions)) },
                "acks" => change with { Acks = field.Change<Acks?>(f => f.Word(Words.Acks)) },
                "keepUnsettled" => change with { KeepUnsettled = field.Change(f => f.Flag()) },
                "retentionMs" => change with { Retention = field.Change(f => f.Milliseconds()) },
                "retentionBytes" => change with { RetentionBytes = field.Change<long?>(f => f.Int64(0)) },
                "maxMessages" => change with { MaxMessages = field.Change<long?>(f => f.Int64(1)) },
                "maxBytes" => change with { MaxBytes = field.Change<long?>(f => f.Int64(1)) },
                "whenFull" => change with { WhenFull = field.Change(f => f.Word(Words.WhenFull)) },
                "admit" => change with { Admit = field.Change<long?>(f => f.Int64(0)) },
                "ratePerSecond" => change with { RatePerSecond = field.Change<double?>(f => f.Rate()) },
                "producerRatePerSecond" => change with { ProducerRatePerSecond = field.Change<double?>(f => f.Rate()) },
                "maxMessageBytes" => change with { MaxMessageBytes = field.Change(f => f.Int32(1)) },
                "maxBatchBytes" => change with { MaxBatchBytes = field.Change(f => f.Int32(1)) },
                "tokens" => ReadTokens(field, change),
                "ttlMs" => change with { TimeToLive = field.Change<TimeSpan?>(f => f.Milliseconds(1)) },
                "compact" => change with { Compact = field.Change(f => f.Flag()) },
                "compaction" => ReadCompaction(field, change),
                _ => field.Unknown(change),
            };
        }
        return change;
    }

    public static void WriteChange(Utf8JsonWriter writer, TopicChange change)
    {
        writer.WriteStartObject();
        writer.WriteChange("partitions", change.Partitions, (w, value) => w.WriteNumberValue(value));
        writer.WriteChange("acks", change.Acks, (w, value) => w.WriteStringValue(Words.Acks.Write(value!.Value)));
        writer.WriteChange("keepUnsettled", change.KeepUnsettled, (w, value) => w.WriteBooleanValue(value));
        writer.WriteChange("retentionMs", change.Retention, (w, value) => w.WriteNumberValue(Durations.Milliseconds(value)));
        writer.WriteChange("retentionBytes", change.RetentionBytes, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("maxMessages", change.MaxMessages, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("maxBytes", change.MaxBytes, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("whenFull", change.WhenFull, (w, value) => w.WriteStringValue(Words.WhenFull.Write(value)));
        writer.WriteChange("admit", change.Admit, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("ratePerSecond", change.RatePerSecond, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("producerRatePerSecond", change.ProducerRatePerSecond, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("maxMessageBytes", change.MaxMessageBytes, (w, value) => w.WriteNumberValue(value));
        writer.WriteChange("maxBatchBytes", change.MaxBatchBytes, (w, value) => w.WriteNumberValue(value));
        WriteTokens(writer, change);
        writer.WriteChange("ttlMs", change.TimeToLive, (w, value) => w.WriteNumberValue(Durations.Milliseconds(value!.Value)));
        writer.WriteChange("compact", change.Compact, (w, value) => w.WriteBooleanValue(value));
        WriteCompaction(writer, change);
        writer.WriteEndObject();
    }

    /// <summary><c>{"partitions":8,"breakKeyOrder":false}</c>: what lets a topic grow.</summary>
    public static (int Partitions, bool BreakKeyOrder) ReadGrowth(JsonSpot spot)
    {
        int? partitions = null;
        var breakKeyOrder = false;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "partitions": partitions = field.Int32(1, TopicSettings.MaxPartitions); break;
                case "breakKeyOrder": breakKeyOrder = field.Flag(); break;
                default: field.Unknown(); break;
            }
        }
        return (partitions ?? throw spot.Missing("partitions"), breakKeyOrder);
    }

    public static void WriteGrowth(Utf8JsonWriter writer, int partitions, bool breakKeyOrder)
    {
        writer.WriteStartObject();
        writer.WriteNumber("partitions", partitions);
        if (breakKeyOrder)
            writer.WriteBoolean("breakKeyOrder", true);
        writer.WriteEndObject();
    }

    /// <summary><c>{"name","settings":{…},"partitions":[{"partition","owner","start","end","bytes"}]}</c></summary>
    public static void Write(Utf8JsonWriter writer, TopicDescription topic)
    {
        writer.WriteStartObject();
        writer.WriteString("name", topic.Name.Text);
        writer.WritePropertyName("settings");
        WriteChange(writer, WholeOf(topic.Settings));
        writer.WriteList("partitions", topic.Partitions, WritePartition);
        writer.WriteEndObject();
    }

    /// <param name="created">Which the status says, not the document.</param>
    public static TopicDescription Read(JsonSpot spot, bool created = false)
    {
        string? name = null;
        TopicSettings? settings = null;
        IReadOnlyList<PartitionDescription> partitions = [];
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "name": name = field.Text(); break;
                case "settings": settings = ReadChange(field).Over(null); break;
                case "partitions": partitions = field.Items(TopicSettings.MaxPartitions, ReadPartition); break;
                default: field.Unknown(); break;
            }
        }
        return new TopicDescription
        {
            Name = name ?? throw spot.Missing("name"),
            Settings = settings ?? throw spot.Missing("settings"),
            Partitions = partitions,
            Created = created,
        };
    }

    private static TopicChange ReadTokens(JsonSpot tokens, TopicChange change)
    {
        if (tokens.IsNull)
            return change with { TokenCount = Change<int>.Default, TokenAge = Change<TimeSpan>.Default };
        foreach (var field in tokens.Fields())
        {
            change = field.Name switch
            {
                "count" => change with { TokenCount = field.Change(f => f.Int32(0)) },
                "ageMs" => change with { TokenAge = field.Change(f => f.Milliseconds(0, MaxTokenAgeMs)) },
                _ => field.Unknown(change),
            };
        }
        return change;
    }

    private static void WriteTokens(Utf8JsonWriter writer, TopicChange change)
    {
        if (change.TokenCount.Kind == ChangeKind.Keep && change.TokenAge.Kind == ChangeKind.Keep)
            return;
        writer.WriteStartObject("tokens");
        writer.WriteChange("count", change.TokenCount, (w, value) => w.WriteNumberValue(value));
        writer.WriteChange("ageMs", change.TokenAge, (w, value) => w.WriteNumberValue(Durations.Milliseconds(value)));
        writer.WriteEndObject();
    }

    private static TopicChange ReadCompaction(JsonSpot compaction, TopicChange change)
    {
        if (compaction.IsNull)
            return change with { CompactDirtyRatio = Change<double?>.Default, CompactMinAge = Change<TimeSpan?>.Default, TombstoneAge = Change<TimeSpan?>.Default };
        foreach (var field in compaction.Fields())
        {
            change = field.Name switch
            {
                "dirtyRatio" => change with { CompactDirtyRatio = field.Change<double?>(f => f.Fraction()) },
                "minAgeMs" => change with { CompactMinAge = field.Change<TimeSpan?>(f => f.Milliseconds()) },
                "tombstoneAgeMs" => change with { TombstoneAge = field.Change<TimeSpan?>(f => f.Milliseconds()) },
                _ => field.Unknown(change),
            };
        }
        return change;
    }

    private static void WriteCompaction(Utf8JsonWriter writer, TopicChange change)
    {
        if (change is { CompactDirtyRatio.Kind: ChangeKind.Keep, CompactMinAge.Kind: ChangeKind.Keep, TombstoneAge.Kind: ChangeKind.Keep })
            return;
        writer.WriteStartObject("compaction");
        writer.WriteChange("dirtyRatio", change.CompactDirtyRatio, (w, value) => w.WriteNumberValue(value!.Value));
        writer.WriteChange("minAgeMs", change.CompactMinAge, (w, value) => w.WriteNumberValue(Durations.Milliseconds(value!.Value)));
        writer.WriteChange("tombstoneAgeMs", change.TombstoneAge, (w, value) => w.WriteNumberValue(Durations.Milliseconds(value!.Value)));
        writer.WriteEndObject();
    }

    private static TopicChange WholeOf(TopicSettings settings) => new()
    {
        Partitions = settings.Partitions,
        Acks = settings.Acks,
        KeepUnsettled = settings.KeepUnsettled,
        Retention = settings.Retention,
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
        TokenAge = settings.TokenAge,
        TimeToLive = settings.TimeToLive,
        Compact = settings.Compact,
        // Those of the broker are not said.
        CompactDirtyRatio = settings.CompactDirtyRatio is { } ratio ? Change<double?>.To(ratio) : default,
        CompactMinAge = settings.CompactMinAge is { } minAge ? Change<TimeSpan?>.To(minAge) : default,
        TombstoneAge = settings.TombstoneAge is { } age ? Change<TimeSpan?>.To(age) : default,
    };

    private static void WritePartition(Utf8JsonWriter writer, PartitionDescription partition)
    {
        writer.WriteStartObject();
        writer.WriteNumber("partition", partition.Partition);
        writer.WriteString("owner", partition.Owner);
        writer.WriteNumber("start", partition.Start);
        writer.WriteNumber("end", partition.End);
        writer.WriteNumber("bytes", partition.Bytes);
        if (partition.Delayed > 0)
            writer.WriteNumber("delayed", partition.Delayed);
        ErrorJson.WriteUnlessNull(writer, partition.Error);
        writer.WriteEndObject();
    }

    private static PartitionDescription ReadPartition(JsonSpot spot)
    {
        var partition = new PartitionDescription(0, "", 0, 0, 0);
        foreach (var field in spot.Fields())
        {
            partition = field.Name switch
            {
                "partition" => partition with { Partition = field.Int32(0) },
                "owner" => partition with { Owner = field.Text() },
                "start" => partition with { Start = field.Int64() },
                "end" => partition with { End = field.Int64() },
                "bytes" => partition with { Bytes = field.Int64() },
                "delayed" => partition with { Delayed = field.Int64() },
                "error" => partition with { Error = field.IsNull ? null : ErrorJson.Read(field) },
                _ => field.Unknown(partition),
            };
        }
        return partition;
    }
}

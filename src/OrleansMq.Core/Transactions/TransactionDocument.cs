using System.Collections.Immutable;
using System.Text.Json.Serialization;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Transactions;

/// <summary>A transaction as it is stored: JSON, the phase by its name.</summary>
public static class TransactionDocument
{
    private const string What = "transaction document";

    /// <summary>Under which it is stored.</summary>
    /// <param name="key">Of its transactional id.</param>
    public static string KeyOf(string key) => $"transactions/{key}";

    public static byte[] ToJson(Transaction transaction) => JsonDocuments.Write(
        new TransactionForm
        {
            Version = 1,
            Id = transaction.Id.Text,
            Producer = transaction.Producer.Id,
            Epoch = transaction.Producer.Epoch,
            Phase = transaction.Phase,
            TimeoutMs = transaction.TimeoutMs,
            StartedMs = transaction.StartedMs,
            LastUsedMs = transaction.LastUsedMs,
            Partitions = transaction.Partitions.GroupBy(part => part.Topic.Text).ToDictionary(topic => topic.Key, topic => topic.Select(part => part.Partition).Order().ToArray()),
            Offsets = transaction.Offsets.ToDictionary(group => group.Key.Text, group => group.Value.Select(OffsetForm.Of).ToArray()),
            OpenedAs = transaction.OpenedAs is { } opened ? new EndedForm { Producer = opened.Id, Epoch = opened.Epoch } : null,
            Ended = transaction.Ended is { } ended ? new EndedForm { Producer = ended.By.Id, Epoch = ended.By.Epoch, Committed = ended.Committed } : null,
        },
        CatalogJson.Default.TransactionForm);

    /// <exception cref="StateFormatException">The bytes are not such a document.</exception>
    public static Transaction FromJson(ReadOnlySpan<byte> json)
    {
        var form = JsonDocuments.Read(json, CatalogJson.Default.TransactionForm, What, f => f.Version);
        return JsonDocuments.Checked(What, () => new Transaction
        {
            Id = new TransactionalId(form.Id),
            Producer = new ProducerIdentity(form.Producer, form.Epoch),
            Phase = form.Phase,
            TimeoutMs = form.TimeoutMs,
            StartedMs = form.StartedMs,
            LastUsedMs = form.LastUsedMs,
            Partitions = [.. (form.Partitions ?? []).SelectMany(topic => topic.Value.Select(partition => new TransactionPartition(topic.Key, partition)))],
            Offsets = (form.Offsets ?? []).ToImmutableDictionary(group => new GroupName(group.Key), group => group.Value.Select(offset => offset.ToOffset()).ToImmutableList()),
            OpenedAs = form.OpenedAs is { } opened ? new ProducerIdentity(opened.Producer, opened.Epoch) : null,
            Ended = form.Ended is { } ended ? new EndedTransaction(new ProducerIdentity(ended.Producer, ended.Epoch), ended.Committed) : null,
        });
    }
}

/// <summary>As stored.</summary>
internal sealed class TransactionForm
{
    [JsonRequired]
    public int Version { get; set; }

    [JsonRequired]
    public string Id { get; set; } = "";

    [JsonRequired]
    public long Producer { get; set; }

    [JsonRequired]
    public short Epoch { get; set; }

    [JsonRequired]
    public TransactionPhase Phase { get; set; }

    public long TimeoutMs { get; set; }
    public long StartedMs { get; set; }
    public long LastUsedMs { get; set; }
    public Dictionary<string, int[]>? Partitions { get; set; }
    public Dictionary<string, OffsetForm[]>? Offsets { get; set; }
    public EndedForm? Ended { get; set; }
    public EndedForm? OpenedAs { get; set; }
}

/// <summary>As stored.</summary>
internal sealed class OffsetForm
{
    [JsonRequired]
    public string Topic { get; set; } = "";

    [JsonRequired]
    public int Partition { get; set; }

    [JsonRequired]
    public long Offset { get; set; }

    public string Note { get; set; } = "";

    public static OffsetForm Of(GroupOffset offset) => new() { Topic = offset.Topic.Text, Partition = offset.Partition, Offset = offset.Offset, Note = offset.Note };

    public GroupOffset ToOffset() => new(Topic, Partition, Offset, Note);
}

/// <summary>As stored.</summary>
internal sealed class EndedForm
{
    [JsonRequired]
    public long Producer { get; set; }

    [JsonRequired]
    public short Epoch { get; set; }

    public bool Committed { get; set; }
}

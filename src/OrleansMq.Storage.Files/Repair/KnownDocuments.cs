using System.Text.Json;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Limits;
using OrleansMq.Core.Snapshots;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>What documents tell of a log that has lost something.</summary>
internal sealed class KnownDocuments(RepairContext context)
{
    /// <summary>How many admissions a partition may have used; 0 of a topic without a cap. Null: the document that says it does not read back.</summary>
    public long? GrantedTo(LogId id)
    {
        try
        {
            return Find(AdmissionDesk.KeyOf(id.TopicId)) switch
            {
                { IsThere: false } => 0,
                { Bytes: { } ledger } => AdmissionLedger.FromJson(ledger.Span).GrantedTo(id.Partition),
                _ => null,
            };
        }
        catch (StateFormatException)
        {
            return null;
        }
    }

    /// <summary>Groups of a topic, by name; those whose documents read back.</summary>
    public List<GroupDocument> GroupsOf(Guid topicId)
    {
        var groups = new List<GroupDocument>();
        var prefix = TopicCatalog.GroupPrefix(topicId);
        foreach (var record in Certain())
        {
            if (!ShardView.KeyOf(record).StartsWith(prefix, StringComparison.Ordinal))
                continue;
            try
            {
                groups.Add(GroupDocument.FromJson(record.Content.Span, 0));
            }
            catch (StateFormatException)
            {
                // A broker does not serve it either.
            }
        }

        groups.Sort((a, b) => string.CompareOrdinal(a.Name.Text, b.Name.Text));
        return groups;
    }

    /// <summary>A topic's document as it is now; null where none reads back.</summary>
    public LogDefinition? DefinitionOf(Guid topicId)
    {
        foreach (var record in Certain().Where(record => ShardView.KeyOf(record).StartsWith(TopicCatalog.TopicPrefix, StringComparison.Ordinal)))
            if (NameOf(record.Content, topicId) is { } name)
                return new LogDefinition(name, record.Content);
        return null;
    }

    /// <summary>
    /// Whether this very transaction is not completed where it is decided (null: the document that says it does not read back): then its end is (again) written here by whoever decides it. Otherwise its end was written, and is not there any more.
    /// </summary>
    public bool? IsUnfinished(in OpenTransaction open, TransactionPartition partition)
    {
        try
        {
            var (isThere, found) = open.Key.Length > 0 ? Find(TransactionDocument.KeyOf(open.Key)) : default;
            if (isThere && found is null)
                return null;
            return found is { } bytes && TransactionDocument.FromJson(bytes.Span) is var decided
                && decided.Phase != TransactionPhase.Empty && decided.Producer.Id == open.Producer.Id && decided.Partitions.Contains(partition)
                // A later one of the same producer began at another time.
                && decided.StartedMs + decided.TimeoutMs == open.DueMs;
        }
        catch (StateFormatException)
        {
            return null;
        }
    }

    private (bool IsThere, ReadOnlyMemory<byte>? Bytes) Find(string key)
    {
        var bytes = DocumentFile.KeyBytes(key);
        if (View(ShardNames.Of(bytes)) is not { } view)
            return default;
        if (view.Index.IsInDoubt(KeyDigest.Of(bytes)))
            return (true, null);
        var found = view.Records.Where(record => record.Key.Span.SequenceEqual(bytes)).ToList();
        return found.Count == 0 ? default : (true, found[0].Content);
    }

    private static string? NameOf(ReadOnlyMemory<byte> content, Guid topicId)
    {
        try
        {
            using var json = JsonDocument.Parse(content);
            return json.RootElement.TryGetProperty("id", out var topic) && topic.TryGetGuid(out var found) && found == topicId ? json.RootElement.GetProperty("name").GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Documents that a broker serves.</summary>
    private IEnumerable<DocumentRecord> Certain() =>
        from shard in ShardNames.In(context.Disk, context.Folder.Documents)
        let view = View(shard)
        from record in view.Records
        where !view.Index.IsInDoubt(record.Digest)
        select record;

    private ShardView? View(int shard)
    {
        try
        {
            return ShardView.Read(context.Disk, context.Folder.Documents, shard);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return null;
        }
    }
}

using OrleansMq.Core.Catalog;
using OrleansMq.Core.Limits;
using OrleansMq.Core.Snapshots;
using OrleansMq.Core.Transactions;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Storage.Files.Disk;
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
        foreach (var path in Paths())
        {
            if (DocumentFile.Decode(context.Disk.ReadWhole(path)) is not var (key, document) || !key.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            try
            {
                groups.Add(GroupDocument.FromJson(document.Bytes.Span, 0));
            }
            catch (StateFormatException)
            {
                // A broker does not serve it either.
            }
        }

        groups.Sort((a, b) => string.CompareOrdinal(a.Name.Text, b.Name.Text));
        return groups;
    }

    /// <summary>
    /// Whether this very transaction is not completed where it is decided: then its end is (again) written here by whoever decides it. Otherwise its end was written, and is not there any more.
    /// </summary>
    public bool IsUnfinished(in OpenTransaction open, TransactionPartition partition)
    {
        try
        {
            return open.Key.Length > 0 && Find(TransactionDocument.KeyOf(open.Key)).Bytes is { } bytes && TransactionDocument.FromJson(bytes.Span) is var decided
                && decided.Phase != TransactionPhase.Empty && decided.Producer.Id == open.Producer.Id && decided.Partitions.Contains(partition)
                // A later one of the same producer began at another time.
                && decided.StartedMs + decided.TimeoutMs == open.DueMs;
        }
        catch (StateFormatException)
        {
            return false;
        }
    }

    private (bool IsThere, ReadOnlyMemory<byte>? Bytes) Find(string key)
    {
        var name = DocumentFile.FileName(DocumentFile.KeyBytes(key));
        foreach (var path in Paths())
            if (Path.GetFileName(path) == name)
                return (true, DocumentFile.Decode(context.Disk.ReadWhole(path)) is var (found, document) && found == key ? document.Bytes : null);
        return default;
    }

    private IEnumerable<string> Paths() =>
        from shard in context.Disk.ListOrEmpty(context.Folder.Documents)
        from entry in context.Disk.ListOrEmpty(Path.Join(context.Folder.Documents, shard.Name))
        where entry.Name.EndsWith(DocumentFile.Ending, StringComparison.Ordinal)
        select Path.Join(context.Folder.Documents, shard.Name, entry.Name);
}

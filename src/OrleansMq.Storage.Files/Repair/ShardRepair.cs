using OrleansMq.Core.Catalog;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// Mends one file of documents: it is written anew with what reads back. A topic's document that is lost is made again from its logs, which repeat it. Where nothing says whose records
/// were lost, documents go back to what they said before, which is a loss.
/// </summary>
internal sealed class ShardRepair(RepairContext context, int shard)
{
    private static readonly TimeSpan ForEver = TimeSpan.FromDays(3_660);

    /// <param name="topics">The topics' documents by their keys, as their logs repeat them.</param>
    public void Run(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> topics)
    {
        var view = ShardView.Read(context.Disk, context.Folder.Documents, shard);
        if (!view.Index.IsDamaged)
            return;
        var again = LostTopics(view, topics);
        var gone = view.Index.Damaged.Where(key => !again.ContainsKey(key)).ToList();
        if (gone.Count > 0)
        {
            context.Report.Leave(view.Path, $"{string.Join(", ", gone.Select(view.NameOf))} does not read back, and what it said stands nowhere else. Restore it from a copy");
            return;
        }

        Write(view, again);
        foreach (var (_, document) in again.Values)
            context.Report.Did(view.Path, "the topic's document was made again as it was when the topic was made, but that nothing is removed by age, size or key until that is set again",
                $"topic '{document.Name}', settings that were changed since it was made, and retention, limits with removal, time to live and compaction");
        context.Report.Did(view.Path, "it was written anew with what reads back", Lost(view, again));
    }

    /// <summary>Of topics whose document is lost, or may be and is not there.</summary>
    private static Dictionary<KeyDigest, (byte[] Key, TopicDocument Document)> LostTopics(ShardView view, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> topics)
    {
        var lost = from topic in topics
                   let key = DocumentFile.KeyBytes(topic.Key)
                   let digest = KeyDigest.Of(key)
                   where ShardNames.Of(key) == view.Shard && view.Index.IsInDoubt(digest) && (view.Index.Damaged.Contains(digest) || view.Index.Find(digest) is null)
                   select (digest, key, Careful(topic.Value));
        return lost.ToDictionary(topic => topic.digest, topic => (topic.key, topic.Item3));
    }

    private void Write(ShardView view, Dictionary<KeyDigest, (byte[] Key, TopicDocument Document)> again)
    {
        var file = new ShardFile(shard, FileStorageOptions.DrawAtRandom(), view.Index.Floor);
        foreach (var record in view.Records.Where(record => !again.ContainsKey(record.Digest)))
            file.Add(record.Version, record.Key, record.Content);
        foreach (var (key, document) in again.Values)
            file.Add(view.Index.Floor + 1, key, document.ToJson());
        context.Replace(view.Path, file.Pieces);
    }

    private static string? Lost(ShardView view, Dictionary<KeyDigest, (byte[] Key, TopicDocument Document)> again)
    {
        if (!view.Index.LostUnknown)
            return null;
        var back = view.Records.Where(record => view.Index.IsInDoubt(record.Digest) && !again.ContainsKey(record.Digest)).Select(record => $"'{ShardView.KeyOf(record)}'").ToList();
        return $"documents that were made where nothing reads back{(back.Count == 0 ? "" : $", and what was changed there of {string.Join(", ", back)}")}";
    }

    /// <summary>As it was made, a topic may remove what it has kept by a later setting: nothing is to go because settings were lost.</summary>
    private static TopicDocument Careful(ReadOnlyMemory<byte> definition)
    {
        var topic = TopicDocument.FromJson(definition.Span);
        return topic with
        {
            Settings = topic.Settings with
            {
                KeepUnsettled = true,
                Retention = ForEver,
                RetentionBytes = null,
                MaxMessages = null,
                MaxBytes = null,
                WhenFull = WhenFull.Refuse,
                TimeToLive = null,
                Compact = false,
            },
        };
    }
}

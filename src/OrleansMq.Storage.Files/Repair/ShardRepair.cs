using OrleansMq.Core.Catalog;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// Mends one file of documents: it is written anew with what reads back. A topic's document that is lost is made again from its logs, which repeat it. Any other document says something
/// that stands nowhere else, and so may those of which nothing says whose they were: then the file is left.
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
        var again = topics.Where(topic => view.Index.Damaged.Contains(DigestOf(topic.Key))).ToList();
        var gone = view.Index.Damaged.Except(again.Select(topic => DigestOf(topic.Key))).Select(view.NameOf).ToList();
        if (view.Index.LostUnknown)
            gone.Add("of some documents nothing says whose they were, and any that was not written since may be one of them: something");
        if (gone.Count > 0)
        {
            context.Report.Leave(view.Path, $"{string.Join("; ", gone)} does not read back, and what it said stands nowhere else: {ShardEnds.Cure}");
            return;
        }

        var documents = again.ConvertAll(topic => (topic.Key, Document: Careful(topic.Value)));
        Write(view, documents);
        foreach (var (_, document) in documents)
            context.Report.Did(view.Path, "the topic's document was made again as it was when the topic was made, but that nothing is removed by age, size or key until that is set again",
                $"topic '{document.Name}', settings that were changed since it was made, and retention, limits with removal, time to live and compaction");
        if (documents.Count == 0)
            context.Report.Did(view.Path, "it was written anew without what does not read back: everything in it was written again since");
    }

    private static KeyDigest DigestOf(string key) => KeyDigest.Of(DocumentFile.KeyBytes(key));

    private void Write(ShardView view, List<(string Key, TopicDocument Document)> again)
    {
        var file = new ShardFile(shard, FileStorageOptions.DrawAtRandom(), view.Index.Floor);
        foreach (var record in view.Records.Where(record => !view.Index.IsInDoubt(record.Digest)))
            file.Add(record.Version, record.Key, record.Content);
        foreach (var (key, document) in again)
            file.Add(view.Index.Floor + 1, DocumentFile.KeyBytes(key), document.ToJson());
        context.Replace(view.Path, file.Pieces);
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

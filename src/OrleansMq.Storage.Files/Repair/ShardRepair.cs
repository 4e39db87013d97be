using OrleansMq.Core.Catalog;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// Mends one file of documents: it is written anew with what reads back. A topic's document that is lost is made again from its logs, which repeat it; any other goes back to what it said
/// before, which is a loss.
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
        var file = new ShardFile(shard, FileStorageOptions.DrawAtRandom(), view.Index.Floor);
        var again = LostTopics(view, topics);
        var back = Keep(view, file);
        foreach (var (key, document) in again)
            file.Add(view.Index.Floor + 1, key, document.ToJson());
        context.Replace(view.Path, file.Pieces);
        foreach (var (_, document) in again)
            context.Report.Did(view.Path, "the topic's document was made again as it was when the topic was made, but that nothing is removed by age, size or key until that is set again",
                $"topic '{document.Name}', settings that were changed since it was made, and retention, limits with removal, time to live and compaction");
        context.Report.Did(view.Path, "it was written anew with what reads back", Lost(view, [.. again.Select(topic => KeyDigest.Of(topic.Key))], back));
    }

    /// <summary>Of topics whose document may be lost: where it is not there, or what stands there may be older than what was lost.</summary>
    private static List<(byte[] Key, TopicDocument Document)> LostTopics(ShardView view, IReadOnlyDictionary<string, ReadOnlyMemory<byte>> topics) =>
        [.. from topic in topics
            let key = DocumentFile.KeyBytes(topic.Key)
            where ShardNames.Of(key) == view.Shard && view.Index.IsInDoubt(KeyDigest.Of(key)) && view.Index.Find(KeyDigest.Of(key)) is null
            select (key, Careful(topic.Value))];

    /// <returns>Keys of documents that go back, or may, to what they said before.</returns>
    private static List<string> Keep(ShardView view, ShardFile file)
    {
        var back = new List<string>();
        foreach (var record in view.Records)
        {
            file.Add(record.Version, record.Key, record.Content);
            if (view.Index.IsInDoubt(record.Digest))
                back.Add(ShardView.KeyOf(record));
        }

        return back;
    }

    private static string? Lost(ShardView view, HashSet<KeyDigest> again, List<string> back)
    {
        var gone = view.Index.Damaged.Count(key => view.Index.Find(key) is null && !again.Contains(key));
        string?[] told =
        [
            back.Count == 0 ? null : $"what was changed last of {string.Join(", ", back.Select(key => $"'{key}'"))}{(view.Index.LostUnknown ? ", as far as it was among what does not read back" : "")}",
            gone == 0 ? null : $"{gone} documents of which nothing else is there",
            view.Index.LostUnknown ? "documents that were made where nothing reads back" : null,
        ];
        var losses = told.OfType<string>().ToList();
        return losses.Count == 0 ? null : string.Join("; ", losses);
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

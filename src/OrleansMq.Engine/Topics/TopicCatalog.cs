using System.Collections.Immutable;
using System.Globalization;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Snapshots;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Topics;

/// <summary>
/// The documents of topics and groups: one for each topic, one for each group, and sharded indexes of names for listing. An index names a topic before its
/// document exists and after it is gone, never the other way round; a name without a document is no topic.
/// </summary>
public sealed class TopicCatalog(IDocuments documents)
{
    /// <summary>Keys of topics begin so.</summary>
    public const string TopicPrefix = "topics/";

    /// <summary>How often a write starts again after somebody else wrote first.</summary>
    private const int MaxConflicts = 100;

    // Nearly always empty, and each topic and group that a silo has in memory has a catalog of its own.
    private ImmutableHashSet<Guid> _finished = [];

    public static string TopicKey(TopicName topic) => TopicPrefix + topic.Text;

    /// <summary>Keys of a topic's groups begin so.</summary>
    public static string GroupPrefix(Guid topicId) => $"groups/{topicId:N}/";

    public static string GroupKey(Guid topicId, GroupName group) => GroupPrefix(topicId) + group.Text;

    private static string GroupIndexKey(Guid topicId) => $"group-names/{topicId:N}";

    /// <summary>Documents whose keys begin so name all topics.</summary>
    public const string TopicNamesPrefix = "topic-names/";

    private static string TopicIndexKey(int shard) => string.Create(CultureInfo.InvariantCulture, $"{TopicNamesPrefix}{shard}");

    public async ValueTask<(TopicDocument Topic, long Version)?> FindTopic(TopicName topic) =>
        await documents.Get(TopicKey(topic)) is { } document ? (TopicDocument.FromJson(document.Bytes.Span), document.Version) : null;

    public ValueTask<long> PutTopic(TopicDocument topic, long version) => documents.Put(TopicKey(topic.Name), topic.ToJson(), version);

    public ValueTask DeleteTopic(TopicName topic, long version) => documents.Delete(TopicKey(topic), version);

    /// <param name="topic">What is to be listed.</param>
    /// <param name="begun">Its making, as far as a later start has to know if this process ends in the middle.</param>
    public ValueTask NameTopic(TopicName topic, UnfinishedTopic? begun = null) =>
        ChangeNames(topic, index => begun is null ? index.With(topic.Text) : index.With(topic.Text).With(begun));

    /// <summary>The topic is about to be deleted: also after a crash nothing of it is to be left.</summary>
    public ValueTask BeginDeletion(TopicDocument topic)
    {
        // Its making was finished, which is perhaps not written yet.
        Forget([topic.Id]);
        return ChangeNames(topic.Name, index => index.With(new UnfinishedTopic(topic.Name.Text, topic.Id, topic.Logs, Deleting: true)));
    }

    /// <summary>Nothing is left to be done about this topic. Written with the next change of its index, so that making a topic costs no write for it.</summary>
    public void Finished(Guid topicId) => ImmutableInterlocked.Update(ref _finished, static (finished, id) => finished.Add(id), topicId);

    private void Forget(List<Guid> written)
    {
        if (written.Count > 0)
            ImmutableInterlocked.Update(ref _finished, static (finished, ids) => finished.Except(ids), written);
    }

    public ValueTask UnnameTopic(TopicName topic) => ChangeNames(topic, index => index.Without(topic.Text));

    /// <summary>Writes down that a topic is finished, and takes its name away if there is none of that name.</summary>
    public async ValueTask Finish(UnfinishedTopic topic, bool named)
    {
        Finished(topic.Id);
        await ChangeNames(topic.Name, index => named ? index : index.Without(topic.Name));
    }

    /// <summary>What was begun and perhaps not finished, as the indexes say.</summary>
    public async ValueTask<IReadOnlyList<UnfinishedTopic>> UnfinishedTopics()
    {
        var shards = await Task.WhenAll(Enumerable.Range(0, NameIndex.Shards).Select(async shard => await documents.Get(TopicIndexKey(shard))));
        return [.. shards.Where(shard => shard is not null).SelectMany(shard => NameIndex.FromJson(shard!.Bytes.Span).Unfinished)];
    }

    /// <summary>All names in the indexes, in ordinal order; some may have no document.</summary>
    public ValueTask<IReadOnlyList<string>> TopicNames() => Names(TopicIndexKey);

    private async ValueTask<IReadOnlyList<string>> Names(Func<int, string> key)
    {
        var names = new List<string>();
        for (var shard = 0; shard < NameIndex.Shards; shard++)
            if (await documents.Get(key(shard)) is { } document)
                names.AddRange(NameIndex.FromJson(document.Bytes.Span).Names);
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    public async ValueTask<IReadOnlyList<string>> GroupNames(Guid topicId) =>
        await documents.Get(GroupIndexKey(topicId)) is { } document ? NameIndex.FromJson(document.Bytes.Span).Names : [];

    public ValueTask NameGroup(Guid topicId, GroupName group) => Change(GroupIndexKey(topicId), index => index.With(group.Text));

    public ValueTask UnnameGroup(Guid topicId, GroupName group) => Change(GroupIndexKey(topicId), index => index.Without(group.Text));

    /// <inheritdoc cref="FindCoordination"/>
    public async ValueTask<(GroupDocument Group, long Version)?> FindGroup(Guid topicId, GroupName group, long nowMs) =>
        await documents.Get(GroupKey(topicId, group)) is { } document
            ? Stored(group, () => (GroupDocument.FromJson(document.Bytes.Span, nowMs), document.Version))
            : null;

    public ValueTask<long> PutGroup(Guid topicId, GroupDocument group, long version) => documents.Put(GroupKey(topicId, group.Name), group.ToJson(), version);

    /// <summary>Deletes a document whatever its version.</summary>
    public async ValueTask Remove(string key)
    {
        if (await documents.Get(key) is { } document)
            await documents.Delete(key, document.Version);
    }

    public ValueTask RemoveGroupIndex(Guid topicId) => Remove(GroupIndexKey(topicId));

    private static string CoordinationKey(GroupName group) => $"coordination/{group.Text}";

    private static string CoordinationIndexKey(int shard) => string.Create(CultureInfo.InvariantCulture, $"coordination-names/{shard}");

    /// <exception cref="MqException">It can't be read: of a later release (<see cref="ErrorCodes.PartitionUnavailable"/>: a silo of that one can), or damaged.</exception>
    public async ValueTask<(CoordinationDocument Document, long Version)?> FindCoordination(GroupName group, long nowMs) =>
        await documents.Get(CoordinationKey(group)) is { } document
            ? Stored(group, () => (CoordinationDocument.FromJson(document.Bytes.Span, nowMs), document.Version))
            : null;

    private static T Stored<T>(GroupName group, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (StateFormatException unreadable) when (unreadable.IsNewer)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Group '{group}' was stored by a later release, and is left as it is: {unreadable.Message}", TimeSpan.FromSeconds(1), unreadable);
        }
        catch (StateFormatException damage)
        {
            throw new MqException(ErrorCodes.PartitionDamaged, $"What is stored of group '{group}' is damaged: {damage.Message}", inner: damage);
        }
    }

    public ValueTask<long> PutCoordination(CoordinationDocument group, long version) => documents.Put(CoordinationKey(group.Name), group.ToJson(), version);

    public ValueTask NameCoordination(GroupName group) => Change(CoordinationIndexKey(NameIndex.ShardOf(group.Text)), index => index.With(group.Text));

    public async ValueTask RemoveCoordination(GroupName group)
    {
        await Remove(CoordinationKey(group));
        await Change(CoordinationIndexKey(NameIndex.ShardOf(group.Text)), index => index.Without(group.Text));
    }

    /// <inheritdoc cref="TopicNames"/>
    public ValueTask<IReadOnlyList<string>> CoordinationNames() => Names(CoordinationIndexKey);

    private static string TransactionIndexKey(int shard) => string.Create(CultureInfo.InvariantCulture, $"transaction-names/{shard}");

    /// <param name="key">As <c>TransactionalId.Key</c> says.</param>
    public ValueTask NameTransaction(string key) => Change(TransactionIndexKey(NameIndex.ShardOf(key)), index => index.With(key));

    public ValueTask UnnameTransaction(string key) => Change(TransactionIndexKey(NameIndex.ShardOf(key)), index => index.Without(key));

    /// <inheritdoc cref="TopicNames"/>
    public ValueTask<IReadOnlyList<string>> TransactionNames() => Names(TransactionIndexKey);

    private static string PendingKey(GroupName group) => $"transaction-groups/{group.Text}";

    /// <summary>A transactional id may have positions of the group; where its coordinator is not the one of all ids.</summary>
    public ValueTask NamePending(GroupName group, string key) => Change(PendingKey(group), index => index.With(key));

    public ValueTask UnnamePending(GroupName group, string key) => Change(PendingKey(group), index => index.Without(key));

    public async ValueTask<IReadOnlyList<string>> PendingNames(GroupName group) =>
        await documents.Get(PendingKey(group)) is { } document ? NameIndex.FromJson(document.Bytes.Span).Names : [];

    /// <summary>The documents of a topic's groups and its ledger, whatever is there of them.</summary>
    public async ValueTask RemoveBelongings(Guid topicId)
    {
        foreach (var group in await GroupNames(topicId))
            await Remove(GroupKey(topicId, group));
        await RemoveGroupIndex(topicId);
        await Remove(AdmissionDesk.KeyOf(topicId));
    }

    private async ValueTask ChangeNames(TopicName topic, Func<NameIndex, NameIndex> change)
    {
        List<Guid> written = [];
        await Change(TopicIndexKey(NameIndex.ShardOf(topic.Text)), index =>
        {
            var finished = _finished;
            written = [.. index.Unfinished.Select(unfinished => unfinished.Id).Where(finished.Contains)];
            return change(index).Without(finished.Contains);
        });
        Forget(written);
    }

    private async ValueTask Change(string key, Func<NameIndex, NameIndex> change)
    {
        for (var conflicts = 0; ; conflicts++)
        {
            var document = await documents.Get(key);
            var index = document is null ? NameIndex.Empty : NameIndex.FromJson(document.Bytes.Span);
            var next = change(index);
            if (ReferenceEquals(next, index))
                return;
            try
            {
                await documents.Put(key, next.ToJson(), document?.Version ?? 0);
                return;
            }
            catch (DocumentConflictException) when (conflicts < MaxConflicts)
            {
                // Somebody else named another topic meanwhile: read again.
            }
        }
    }
}

using OrleansMq.Client.Grains;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Snapshots;
using OrleansMq.Engine.Groups;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Topics;
using OrleansMq.Server.Groups;

namespace OrleansMq.Server.Partitions;

/// <summary>The groups that a partition learns of when it is opened.</summary>
internal sealed partial class PartitionGrain
{
    /// <summary>
    /// Where a group was made while this partition did not answer, it begins now. What the topic's grain says may be old, on a silo that the others gave up: where the log has another
    /// group of the name, or none, what is stored decides which is the true one. It is read after the log was taken, so that no cursor is removed that is somebody's.
    /// </summary>
    /// <remarks>One that is being made is not stored yet; whoever makes it tells each partition of it.</remarks>
    private async Task EnsureGroups(PartitionEngine engine, PartitionTopic topic)
    {
        foreach (var known in topic.Groups)
            if ((await engine.IdOf(known.Name) == known.Id ? known : await Stored(known.Name)) is { } group)
                await engine.EnsureGroup(group);
    }

    private async Task<GroupDefinition?> Stored(GroupName name)
    {
        var grain = GrainFactory.GetGrain<IGroupOwner>(GrainKeys.Group(_topicId, _topicName, name)).GetGrainId();
        if (await _silo.Stored(grain, TopicCatalog.GroupKey(_topicId, name)) is not { } stored)
            return null;
        try
        {
            var group = GroupDocument.FromJson(stored.Bytes, _silo.NowMs);
            return new GroupDefinition(group.Name, group.Id, group.Declared, group.Settings);
        }
        catch (StateFormatException unreadable)
        {
            throw new MqException(ErrorCodes.PartitionUnavailable, $"What is stored of group '{name}' of topic '{_topicName}' can't be read here: {unreadable.Message}", TimeSpan.FromSeconds(1), unreadable);
        }
    }
}

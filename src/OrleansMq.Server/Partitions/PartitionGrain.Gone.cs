using OrleansMq.Client.Grains;
using OrleansMq.Engine.Partitions;
using OrleansMq.Server.Groups;

namespace OrleansMq.Server.Partitions;

/// <summary>Groups that were deleted, or whose making failed, while this partition did not hear of it: their cursors would hold back the log for ever.</summary>
internal sealed partial class PartitionGrain
{
    /// <param name="before">What was here before the topic was asked for its groups: a group's name is taken there before it comes here.</param>
    private async Task DropGone(PartitionEngine engine, List<(GroupName Name, Guid Id)> before)
    {
        if (_topic is not { } topic)
            return;
        foreach (var (name, id) in before.Where(here => topic.Groups.All(known => known.Id != here.Id)))
        {
            // An activation of the topic that does not know that it was replaced may say so too; what is removed here does not come back.
            var owner = GrainFactory.GetGrain<IGroupOwner>(GrainKeys.Group(_topicId, _topicName, name));
            if (await GrainCalls.Ask(owner.Find) is { } found && found.Id == id)
                continue;
            await Remove(engine, name, id);
        }
    }
}

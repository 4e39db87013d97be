using OrleansMq.Client.Grains;
using OrleansMq.Engine.Partitions;
using OrleansMq.Server.Groups;

namespace OrleansMq.Server.Partitions;

/// <summary>Asks the grain of an ephemeral group whether it is used, when its time is over.</summary>
internal sealed partial class PartitionGrain
{
    private async void AskWhetherUsed(PartitionEngine engine, GroupName group, Guid id)
    {
        try
        {
            var owner = GrainFactory.GetGrain<IGroupOwner>(GrainKeys.Group(_topicId, _topicName, group));
            if (!await GrainCalls.Ask(() => owner.EndUnused(id)))
                return;
            await engine.RemoveGroup(group, id);
            _signals.Forget(group.Text);
        }
        catch (MqException)
        {
            // The group's grain or this partition is moving: it is asked again.
        }
        catch (Exception fault)
        {
            _silo.Report($"Topic {_topicName}: whether the ephemeral group '{group}' is used could not be decided, it is tried again: {fault}");
        }
    }
}

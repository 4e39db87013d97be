using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Groups;

namespace OrleansMq.Engine.Partitions;

/// <summary>Ephemeral groups, which the topic's first partition keeps: until when is in its log, so that a restart forgets none, and counts by its clock, so that a jump of the wall clock ends none.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>A host that could not say whether a group is used is asked again after so long.</summary>
    private const long AskUnusedAgainMs = 5_000;

    /// <summary>Groups whose host was asked, and when it is asked again.</summary>
    private readonly Dictionary<Guid, long> _askedUnused = [];

    public Task Keep(GroupName name, Guid id, TimeSpan time) => Ask(ReleaseLevel.Written, (state, frames, now) =>
    {
        _askedUnused.Remove(id);
        if (state.FindGroup(name) is { } group && group.Id == id && group.KeptUntilMs is not null)
            state.Keep(group, now + (long)time.TotalMilliseconds, now, frames);
        return true;
    });

    /// <summary>The host deleted this very group.</summary>
    /// <returns>False: there is another of its name.</returns>
    public Task<bool> RemoveGroup(GroupName name, Guid id) => Ask(ReleaseLevel.Durable, (state, frames, now) =>
    {
        _askedUnused.Remove(id);
        if (state.FindGroup(name) is { } group && group.Id == id)
            state.RemoveGroup(group, now, frames);
        return state.FindGroup(name) is null;
    });

    /// <summary>Takes over whether a group is ephemeral; the time of one that is already goes on, unless a shorter one is over before.</summary>
    private void SetKept(Partition state, PartitionGroup group, GroupDefinition definition, long now, FrameBuffer frames)
    {
        if (Number != 0)
            return;
        if (definition.Settings.DeleteAfterIdle is not { } idle)
            state.Keep(group, null, now, frames);
        else
            state.Keep(group, Math.Min(group.KeptUntilMs ?? long.MaxValue, now + (long)GroupUse.Kept(idle).TotalMilliseconds), now, frames);
    }

    private long UnusedMs(PartitionGroup group) =>
        group.KeptUntilMs is { } until ? Math.Max(until, _askedUnused.GetValueOrDefault(group.Id)) : long.MaxValue;

    private void AskAboutUnused(long now)
    {
        foreach (var group in _state.Groups.Where(group => UnusedMs(group) <= now).ToList())
        {
            _askedUnused[group.Id] = now + AskUnusedAgainMs;
            _topic.GroupUnused(this, new GroupName(group.Name), group.Id);
        }
    }
}

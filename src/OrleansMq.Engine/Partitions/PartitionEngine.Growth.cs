using OrleansMq.Core.Dedup;

namespace OrleansMq.Engine.Partitions;

/// <summary>How the topic's growing reaches a partition.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>Lets no more in from now on that was chosen by fewer partitions. Durable when it ends: from then on that holds over every crash.</summary>
    public Task Grow(int partitions) => Ask(ReleaseLevel.Durable, (state, frames, now) =>
    {
        RefuseWhileFull(now);
        state.Grow(partitions, now, frames);
        return true;
    });

    /// <summary>Answered when what it counts as settled is as durable as a settlement is.</summary>
    public Task<bool> IsDrained(GroupName name, int successor) => Ask(CursorLevel, (state, frames, now) =>
    {
        var group = Find(state, name);
        Lapse(group, now);
        if (!state.IsDrained(group, successor))
            return false;
        if (state.HoldsKeysOf(group, successor) is { } growth)
        {
            // With no room for the entry its successor waits, as leases here do.
            RefuseWhileFull(now);
            state.LetKeysGo(group, growth, now, frames);
        }

        return true;
    });

    /// <summary>Answered when those that are found are durable: a duplicate's answer promises what the first one's did.</summary>
    public Task<RecordOutcome?[]> FindEarlier(TokenHash?[] tokens) => Ask(ReleaseLevel.Durable, (state, _, now) =>
        Array.ConvertAll(tokens, token => token is { } hash ? state.FindEarlier(hash, now) : null));

    internal MqException Outgrown(int chosenBy, int partitions) => new(ErrorCodes.PartitionsChanged,
        $"Topic '{_topic.Name}' has {partitions} partitions now; {Number} was chosen by {chosenBy}. Choose again.");
}

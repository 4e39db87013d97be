using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Engine.Partitions;

/// <summary>How messages that a group set aside are leased when they are asked for.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>As <see cref="Lease"/>: written before it is given, by key durable.</summary>
    private async Task<List<GrantedLease>> LeaseDeferred(GroupName name, string holder, IReadOnlyCollection<long> offsets, int max, TimeSpan lease)
    {
        var redriven = await DeferredLetters(name, offsets);
        return await Ask(LeaseLevel(name), (state, frames, now) =>
        {
            var group = Find(state, name);
            RefuseWhileFull(now);
            var leases = new List<GrantedLease>();
            var terms = new LeaseTerms(holder, max, now, now + (long)lease.TotalMilliseconds, Epoch);
            state.LeaseDeferred(group, Lane.RedrivenOf(group.Number), redriven, terms, frames, leases);
            state.LeaseDeferred(group, Lane.Main, offsets.Order(), terms, frames, leases);
            NoteInFlight(group);
            return leases;
        });
    }

    /// <summary>Redriven messages that were set aside and first stood at one of these offsets, by their places in their lane.</summary>
    private async Task<List<long>> DeferredLetters(GroupName name, IReadOnlyCollection<long> origins)
    {
        var aside = await Ask(ReleaseLevel.Decided, (state, _, _) =>
        {
            var group = Find(state, name);
            if (group.IsLog)
                throw new MqException(ErrorCodes.Conflict, $"Group '{name}' is of log style and sets nothing aside.");
            return group.Redriven!.Deferred == 0 ? [] : group.RedrivenLane.Items.Where(item => group.Redriven.IsDeferred(item.Offset)).ToList();
        });
        return aside.Count == 0 ? [] : [.. (await OldOf(aside, new AgeLimit(long.MaxValue, long.MaxValue), [.. origins])).Keys.Order()];
    }
}

using OrleansMq.Core.Cursors;
using OrleansMq.Core.Filters;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Groups;

namespace OrleansMq.Engine.Partitions;

/// <summary>How cursors of groups move.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>What an answer to a change of cursors means: the topic's durability.</summary>
    private ReleaseLevel CursorLevel => _topic.ReadsUnflushed ? ReleaseLevel.Written : ReleaseLevel.Durable;

    public async Task EnsureGroup(GroupDefinition group)
    {
        var (name, id, flags, from) = (group.Name, group.Id, group.Flags, group.Settings.From);
        var start = await FindOffset(from);
        await Ask(ReleaseLevel.Durable, (state, frames, now) =>
        {
            var known = state.FindGroup(name);
            if (known is not null && known.Id != id)
            {
                state.RemoveGroup(known, now, frames);
                known = null;
            }

            known ??= state.AddGroup(name, id, flags & ~GroupFlags.Declared, from.Kind == StartKind.Latest ? state.End : start, now, frames);
            state.DeclareGroup(known, flags.HasFlag(GroupFlags.Declared), now, frames);
            SetKept(state, known, group, now, frames);
            // What it is told with may be older than what the topic knows since.
            SetRules(known, _topic.FindGroup(name.Text) ?? group.Settings);
            return true;
        });
    }

    /// <summary>Which group it has under the name.</summary>
    public Task<Guid?> IdOf(GroupName name) => Ask(ReleaseLevel.Decided, (state, _, _) => state.FindGroup(name)?.Id);

    public Task RemoveGroup(GroupName name) => Ask(ReleaseLevel.Durable, (state, frames, now) =>
    {
        if (state.FindGroup(name) is { } group)
        {
            _askedUnused.Remove(group.Id);
            state.RemoveGroup(group, now, frames);
        }

        return true;
    });

    /// <summary>The groups that have a cursor here, also where there is no such group any more.</summary>
    public Task<List<(GroupName Name, Guid Id)>> Groups() =>
        Ask(ReleaseLevel.Decided, (state, _, _) => state.Groups.Select(group => (new GroupName(group.Name), group.Id)).ToList());

    /// <summary>The group's settings changed.</summary>
    public void SettingsChanged(GroupName name) => Post(() =>
    {
        if (_state.FindGroup(name) is not { IsLog: false } group)
            return;
        SetRules(group, SettingsOf(group));
        // What another order held back may go now.
        CursorMoved(group);
    });

    public Task Commit(GroupName name, long offset, int generation) => Ask(CursorLevel, (state, frames, now) =>
    {
        var group = Find(state, name);
        if (!group.IsLog)
            throw new MqException(ErrorCodes.Conflict, $"Group '{name}' is of queue style: it acknowledges leases and commits no offsets.");
        if (state.Commit(group, offset, generation, now, frames) is { } error)
            throw new MqException(error);
        _topic.VisibleMoved(this);
        return true;
    });

    public async Task<GroupPartition> Describe(GroupName name)
    {
        var (described, floor) = await Place();
        if (described.Lag == 0 || await AppendedAt(floor) is not { } oldest)
            return described;
        var age = DateTimeOffset.FromUnixTimeMilliseconds(_clock.NowMs) - oldest;
        return described with { OldestUnsettled = age < TimeSpan.Zero ? TimeSpan.Zero : age };

        // Whoever asks may go on from there: a commit that is still to be written may be refused yet, and is taken back then.
        async Task<(GroupPartition Described, long Floor)> Place()
        {
            try
            {
                return await Look();
            }
            catch (MqException undone) when (undone.Code is ErrorCodes.DiskFull or ErrorCodes.OutcomeUnknown)
            {
                return await Look();
            }
        }

        Task<(GroupPartition Described, long Floor)> Look() => Ask(ReleaseLevel.Written, (state, _, now) =>
        {
            var group = Find(state, name);
            Lapse(group, now);
            return (new GroupPartition(Number, group.Floor, state.LagOf(group), group.InFlight, null, group.DeadLetters.Count, group.Dropped, Filtered: group.PassedOver), group.Floor);
        });
    }

    private ReleaseLevel LeaseLevel(GroupName name) => _topic.FindGroup(name.Text) is { ByKey: true } ? CursorLevel : ReleaseLevel.Written;

    /// <summary>
    /// Leases what is deliverable now. A lease is written before it is given, so that only a crash can forget it: one that the log had no room for would be
    /// granted again under the same name. By key it is durable before it is given.
    /// </summary>
    private async Task<List<GrantedLease>> Lease(GroupName name, string consumer, int max, TimeSpan lease)
    {
        var level = LeaseLevel(name);
        // Who joins a reading that began before it asked looks once more: what came in between is chosen from too.
        var (looked, joined, looks) = (false, false, 0);
        while (true)
        {
            var leases = new List<GrantedLease>();
            var ahead = await Ask(level, (state, frames, now) =>
            {
                var group = Find(state, name);
                RefuseWhileFull(now);
                Lapse(group, now);
                // What came since is looked at before one is chosen; a long backlog is read over several receives.
                if (!looked && group.Main is { Order.IsOfLane: false } && ReadAhead(group) is { } unknown)
                    return unknown;
                state.Lease(group, new LeaseTerms(consumer, max, now, now + (long)lease.TotalMilliseconds, Epoch), _visible.Stable, RedrivenEnd(group), frames, leases);
                NoteInFlight(group);
                looks += group.Main!.Filter is null ? 0 : 1;
                return ReadAhead(group);
            });
            // A cursor with an order of its own, by key, or with a filter grants only what it knows the traits of.
            looked = joined || ahead?.IsValueCreated == false;
            joined = true;
            // With a filter that lets little through, what is read now says when it is read, and whoever waits comes again.
            if (ahead?.Value is not { } loading || leases.Count > 0 || looks > FilterLimits.MaxLooksOfReceive)
                return leases;
            await loading;
        }
    }

    public Task<List<string>> RequestHolders(GroupName name) => Look(LeaseLevel(name), (state, now) =>
        HeldBy(Find(state, name), LeaseHolder.HasRequest, now).ConvertAll(held => held.Lease.Holder).Distinct(StringComparer.Ordinal).ToList());

    /// <summary>The leases that one holder has, redriven messages first: as certain as when they are given the first time.</summary>
    private Task<List<GrantedLease>> LeasesOf(GroupName name, string holder) => Look(LeaseLevel(name), (state, now) =>
        HeldBy(Find(state, name), other => other == holder, now)
            .ConvertAll(held => new GrantedLease(held.Lane, held.Lease.Offset, held.Lease.Epoch, held.Lease.Delivery, held.Lease.UntilMs)));

    private static List<(int Lane, LiveLease Lease)> HeldBy(PartitionGroup group, Func<string, bool> holders, long now) =>
    [
        .. group.Redriven!.Held(holders, now).Select(lease => (Lane.RedrivenOf(group.Number), lease)),
        .. group.Main!.Held(holders, now).Select(lease => (Lane.Main, lease)),
    ];

    /// <summary>Readers may see the redriven lane as far as its frames are visible.</summary>
    private long RedrivenEnd(PartitionGroup group)
    {
        var visible = _visible.Position;
        var end = group.RedrivenLane.End;
        foreach (var item in group.RedrivenLane.Items.Reverse())
        {
            if (item.Position < visible)
                break;
            end = item.Offset;
        }

        return end;
    }

    public Task<string?[]> Settle(GroupName name, Settlement settlement, IReadOnlyList<LeaseId> leases, long? upTo) =>
        settlement.Kind == SettlementKind.DeadLetter
            ? BuryLeases(name, leases, settlement.Reason ?? "consumer")
            : settlement.Sessions.Count > 0 ? SettleWithStates(name, settlement, leases, upTo)
            : SettleLeases(name, settlement, leases, upTo, static (state, group, lease, now, frames) => state.Acknowledge(group, lease, now, frames));

    private delegate string? Acknowledging(Partition state, PartitionGroup group, LeaseId lease, long nowMs, FrameBuffer frames);

    private Task<string?[]> SettleLeases(GroupName name, Settlement settlement, IReadOnlyList<LeaseId> leases, long? upTo, Acknowledging acknowledge) => Ask(CursorLevel, (state, frames, now) =>
    {
        var group = Find(state, name);
        if (group.IsLog)
            throw new MqException(ErrorCodes.Conflict, $"Group '{name}' is of log style: it commits offsets and has no leases.");
        RefuseWhileFull(now);
        Lapse(group, now);
        var codes = new string?[leases.Count];
        for (var i = 0; i < codes.Length; i++)
        {
            codes[i] = settlement.Kind switch
            {
                SettlementKind.Acknowledge => acknowledge(state, group, leases[i], now, frames),
                SettlementKind.Refuse => state.Refuse(group, leases[i], now + RefusalDelay(group, settlement, leases[i]), now, frames),
                SettlementKind.Defer => state.Refuse(group, leases[i], QueueCursor.DeferredMs, now, frames),
                SettlementKind.Extend => state.Extend(group, leases[i], now + (long)(settlement.Lease ?? SettingsOf(group).Lease).TotalMilliseconds, now, frames),
                _ => throw new InvalidOperationException("Dead letters are moved by BuryLeases."),
            };
        }

        if (upTo is { } offset)
            state.AcknowledgeUpTo(group, offset, now, frames);
        MoveExhausted(group, now);
        CursorMoved(group);
        return codes;
    });

    /// <summary>Leases ended, or messages came back: the group may go on here.</summary>
    private void CursorMoved(PartitionGroup group)
    {
        NoteInFlight(group);
        _topic.Deliverable(this, group.Name);
    }

    private void NoteInFlight(PartitionGroup group)
    {
        if (group.IsLog)
            return;
        var holder = SettingsOf(group).MaxActive is null ? null : group.Main!.LastHolder(_clock.NowMs);
        _topic.NoteInFlight(this, group.Name, group.InFlight, holder);
    }

    private static long RefusalDelay(PartitionGroup group, Settlement settlement, in LeaseId lease) =>
        settlement.Delay is { } delay ? (long)delay.TotalMilliseconds : group.Main!.Rules.DelayMs(lease.Delivery);

    public async Task Seek(GroupName name, StartAt to)
    {
        var offset = await FindOffset(to);
        if (to.Kind == StartKind.Offset && (to.Value < Start || to.Value > End))
            throw OutOfRange(to.Value, Start, End);
        await Ask(ReleaseLevel.Durable, (state, frames, now) =>
        {
            var group = Find(state, name);
            state.Seek(group, offset, now, frames);
            _topic.VisibleMoved(this);
            CursorMoved(group);
            return true;
        });
    }

    private static PartitionGroup Find(Partition state, GroupName name) =>
        state.FindGroup(name) ?? throw new MqException(ErrorCodes.GroupUnknown, $"There is no group '{name}'.");

    private GroupSettings SettingsOf(PartitionGroup group) => _topic.FindGroup(group.Name) ?? new GroupSettings();

    private void AfterReplay()
    {
        _state.Half.OpenedAtMs = _openedAtMs;
        foreach (var group in _state.Groups)
        {
            SetRules(group, SettingsOf(group));
            group.Main?.ReplayEnded();
            _keepsStates |= group.Sessions.Count > 0;
            NoteInFlight(group);
            // What was exhausted when the one before ended has no lease any more whose end would be a cause to look.
            if (!group.IsLog)
                MoveExhausted(group, _clock.NowMs);
        }

        _topic.VisibleMoved(this);
    }

    private void Lapse(PartitionGroup group, long nowMs)
    {
        if (group.IsLog)
            return;
        var due = group.Main!.NextDeadline <= nowMs || group.Redriven!.NextDeadline <= nowMs;
        if (group.Main!.Lapse(nowMs) + group.Redriven!.Lapse(nowMs) > 0)
            MoveExhausted(group, nowMs);
        // Whoever comes in the moment before the timer leaves it nothing to tell of.
        if (due)
            CursorMoved(group);
    }
}

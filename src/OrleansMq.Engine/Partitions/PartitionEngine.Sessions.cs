using OrleansMq.Core.Cursors;
using OrleansMq.Core.Groups;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Engine.Partitions;

/// <summary>States of keys: delivered with the messages of groups by key, and set with their acknowledgements.</summary>
public sealed partial class PartitionEngine
{
    /// <summary>Some group keeps a state here. Until then no delivery looks for one.</summary>
    private volatile bool _keepsStates;

    private Task<string?[]> SettleWithStates(GroupName name, Settlement settlement, IReadOnlyList<LeaseId> leases, long? upTo) => SettleWithStates(name, settlement.For(leases), upTo);

    private async Task<string?[]> SettleWithStates(GroupName name, Settlement settlement, long? upTo)
    {
        var keys = await KeysOf(name, [.. settlement.Sessions.Select(session => session.Lease)]);
        var sessions = settlement.Sessions.ToDictionary(session => session.Lease);
        return await SettleLeases(name, settlement, settlement.Leases, upTo, (state, group, lease, now, frames) =>
        {
            if (!sessions.TryGetValue(lease, out var session))
                return state.Acknowledge(group, lease, now, frames);
            // A message that was not to be read is not under its lease any more.
            if (Partition.Check(group, lease, now) is { } code)
                return code;
            if (!keys.TryGetValue(lease, out var key))
                return ErrorCodes.LeaseUnknown;
            if (key is null)
                return ErrorCodes.KeyMissing;
            _keepsStates = true;
            return state.Acknowledge(group, lease, Write(key, session.State), session.Version, _topic.Lineage, now, frames);
        });
    }

    /// <summary>The state as it is stored. Where another partition had the key before, that there is none has to be said.</summary>
    // Not "? null": that null would be a byte[], and become an empty state.
    private SessionWrite Write(byte[] key, ReadOnlyMemory<byte> state) =>
        new(key, state.IsEmpty && !_topic.Lineage.TookOver(Number, key) ? new ReadOnlyMemory<byte>?() : new ReadOnlyMemory<byte>(state.ToArray()));

    /// <summary>The keys of messages that are under these leases; null: it has none.</summary>
    private async ValueTask<Dictionary<LeaseId, byte[]?>> KeysOf(GroupName name, List<LeaseId> leases)
    {
        var held = await Ask(ReleaseLevel.Decided, (state, _, now) =>
        {
            var group = KeepsStates(state, name);
            return leases.Where(lease => Partition.Check(group, lease, now) is null).Distinct().ToList();
        });
        var keys = new Dictionary<LeaseId, byte[]?>();
        var main = held.Where(lease => lease.Lane == Lane.Main).OrderBy(lease => lease.Offset).ToList();
        var records = await MainRecords(main.ConvertAll(lease => lease.Offset));
        for (var i = 0; i < records.Length; i++)
            if (records[i] is { Record: var record })
                keys[main[i]] = record.HasKey ? record.Key.ToArray() : null;
        foreach (var lease in held)
            if (lease.Lane != Lane.Main && await RedrivenRecord(name, lease.Offset) is { } redriven)
                keys[lease] = redriven.HasKey ? redriven.Key.ToArray() : null;
        return keys;
    }

    /// <summary>
    /// What the group keeps of their keys goes with the messages: as durable as a settlement is. One whose lease ended while it was read is not delivered: another
    /// may have acknowledged it since, and the state would have it already.
    /// </summary>
    private async ValueTask<List<Delivery>> WithStates(GroupName name, List<Delivery> deliveries)
    {
        if (!_keepsStates || deliveries.Count == 0 || _topic.FindGroup(name.Text) is not { ByKey: true })
            return deliveries;
        return await Look(CursorLevel, (state, now) =>
        {
            var group = Find(state, name);
            var held = deliveries.FindAll(delivery => Partition.Check(group, delivery.Lease, now) is null);
            return held.ConvertAll(delivery => delivery.Key is { } key && group.Sessions.TryFind(key, out var version, out var bytes)
                ? delivery with { SessionState = bytes, SessionVersion = version }
                : delivery);
        });
    }

    public Task<SessionState?[]> Sessions(GroupName name, IReadOnlyList<ReadOnlyMemory<byte>> keys) => Look(CursorLevel, (state, _) =>
    {
        var group = KeepsStates(state, name);
        return keys.Select(key => group.Sessions.TryFind(key, out var version, out var bytes) ? new SessionState(Number, version, bytes) : null).ToArray();
    });

    public Task<bool> HasSessions(GroupName name) => Look(CursorLevel, (state, _) => KeepsStates(state, name).Sessions.Count > 0);

    public Task SetSession(GroupName name, SessionRequest request) => Ask(CursorLevel, (state, frames, now) =>
    {
        var group = KeepsStates(state, name);
        RefuseWhileFull(now);
        var set = request.Set ?? throw new InvalidOperationException("Nothing is to be set.");
        SettlementRules.CheckState(set);
        _keepsStates = true;
        // What is cleared by hand is forgotten: whoever goes back to the beginning begins with nothing in every partition.
        var code = state.SetSession(group, new SessionWrite(request.Key.ToArray(), set.IsEmpty ? new ReadOnlyMemory<byte>?() : new ReadOnlyMemory<byte>(set.ToArray())), request.Version, _topic.Lineage, now, frames);
        return code is null ? true : throw new MqException(code, code == ErrorCodes.SessionsFull
            ? $"Group '{name}' keeps states of {group.Sessions.Bytes} bytes on partition {Number}, and {SessionStates.MaxTotalBytes} are the limit: clear some."
            : "The state of the key is of another version by now, or another partition keeps it since the topic grew: ask for it again.");
    });

    private static PartitionGroup KeepsStates(Partition state, GroupName name)
    {
        var group = Find(state, name);
        return group.ByKey ? group : throw new MqException(ErrorCodes.Conflict, $"Group '{name}' is not by key, and keeps no states of keys.");
    }
}

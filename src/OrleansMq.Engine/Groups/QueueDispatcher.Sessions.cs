using System.Collections.Concurrent;
using OrleansMq.Core.Cursors;

namespace OrleansMq.Engine.Groups;

/// <summary>How messages are taken from a partition, and the states of keys that another partition had before the topic grew.</summary>
public sealed partial class QueueDispatcher
{
    /// <summary>Partitions before which no state was kept: a key that left is given none there any more.</summary>
    private readonly ConcurrentDictionary<int, bool> _withoutStates = new();

    private async ValueTask<int> TakeFrom(int number, ReceiveRequest request, int max, List<Delivery> deliveries, HashSet<int> called)
    {
        using var given = await _cursors.Shared();
        if (!await IsReleased(number))
            return 0;
        // Before leases are given: none is to lapse because a partition that is asked for a state is away.
        var earlier = await StatesBefore(number, released: true);
        var partition = await _open(number);
        var first = called.Add(number);
        var leased = await partition.Receive(_group, LeaseHolder.Of(request.Consumer, request.RequestId), max, request.Lease ?? _settings.Lease);
        if (first && leased.Leases == 0)
            called.Remove(number);
        if (leased.Leases == max)
        {
            // There may be more.
            lock (_gate)
                Flag(number);
        }

        deliveries.AddRange(await WithStates(number, leased.Deliveries, earlier, partition, held => Settlement.Refuse(held, TimeSpan.Zero)));
        return leased.Leases;
    }

    /// <summary>As <see cref="WithStates(int, IReadOnlyList{Delivery}, IReadOnlyList{IGroupPartition})"/>; where a state is not to be had, what was just leased goes back: nobody hears of it.</summary>
    private async ValueTask<IReadOnlyList<Delivery>> WithStates(
        int number, IReadOnlyList<Delivery> deliveries, IReadOnlyList<IGroupPartition> earlier, IGroupPartition granting, Func<IReadOnlyList<LeaseId>, Settlement> back)
    {
        try
        {
            return await WithStates(number, deliveries, earlier);
        }
        catch (MqException)
        {
            await GiveBack(granting, back([.. deliveries.Select(delivery => delivery.Lease)]));
            throw;
        }
    }

    private async ValueTask GiveBack(IGroupPartition granting, Settlement back)
    {
        try
        {
            await granting.Settle(_group, back, back.Leases, null);
        }
        catch (MqException)
        {
            // They lapse.
        }
    }

    /// <summary>The partitions that had this one's keys, the last first, where they may keep states of them.</summary>
    /// <param name="released">They have let the keys go: what they don't keep now they never will.</param>
    private async ValueTask<IReadOnlyList<IGroupPartition>> StatesBefore(int number, bool released = false)
    {
        if (!_settings.ByKey || _releases.PredecessorsOf(number) is not { Count: > 0 } predecessors || _withoutStates.ContainsKey(number))
            return [];
        var (earlier, any) = (new List<IGroupPartition>(predecessors.Count), false);
        foreach (var before in predecessors)
        {
            var partition = await _open(before);
            any |= await partition.HasSessions(_group);
            earlier.Add(partition);
        }

        if (any)
            return earlier;
        if (released)
            _withoutStates[number] = true;
        return [];
    }

    /// <summary>Of keys that came here and have no state here the one that they left with.</summary>
    private async ValueTask<IReadOnlyList<Delivery>> WithStates(int number, IReadOnlyList<Delivery> deliveries, IReadOnlyList<IGroupPartition> earlier)
    {
        if (earlier.Count == 0)
            return deliveries;
        List<Delivery> with = [.. deliveries];
        List<int> without = [.. Enumerable.Range(0, with.Count).Where(at => with[at] is { Key: { } key, SessionVersion: 0 } && _releases.TookOver(number, key.Span))];
        foreach (var partition in earlier)
        {
            if (without.Count == 0)
                break;
            var states = await partition.Sessions(_group, without.ConvertAll(at => with[at].Key!.Value));
            for (var i = 0; i < states.Length; i++)
                if (states[i] is { } state)
                    with[without[i]] = with[without[i]] with { SessionState = state.State };
            without = [.. without.Where((_, i) => states[i] is null)];
        }

        return with;
    }
}

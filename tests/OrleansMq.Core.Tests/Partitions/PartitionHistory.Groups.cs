using OrleansMq.Core.Catalog;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Filters;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>What groups do: they come and go, lease, settle, seek, and have dead letters.</summary>
internal sealed partial class PartitionHistory
{
    /// <summary>Groups take what there is by turns; it is not in the log.</summary>
    private static DeliveryOrder OrderOf(PartitionGroup group) => (group.Number % 4) switch
    {
        1 => new DeliveryOrder(true, null),
        2 => new DeliveryOrder(true, FairBy.Key),
        _ => DeliveryOrder.OfLane,
    };

    /// <summary>Some groups pass over a third of what there is; what the filter says is not asked here.</summary>
    private static MessageFilter? FilterOf(PartitionGroup group) => group.Number % 3 == 0 ? Passing : null;

    private static readonly MessageFilter Passing = MessageFilter.Parse("TRUE");

    private static MessageTraits TraitsAt(long offset) => new((ulong)(offset % 5), (ulong)(offset % 3), 1, (int)(offset % Message.Priorities));

    private void ChangeGroups()
    {
        var some = Some(_ => true);
        switch (_random.Next(5))
        {
            case 0 when some is not null && _live.Groups.Count > 2:
                _live.RemoveGroup(some, _now, _frames);
                _leases.RemoveAll(each => each.Group == some);
                break;
            case 1 when some is not null:
                if (_random.Next(2) == 0)
                    _live.DeclareGroup(some, _random.Next(2) == 0, _now, _frames);
                else
                    _live.Keep(some, _random.Next(3) == 0 ? null : _now + _random.Next(10_000), _now, _frames);
                break;
            case var style when _live.Groups.Count < 6:
                var flags = style switch { 2 => GroupFlags.Log, 3 => GroupFlags.ByKey, _ => GroupFlags.None } | (_random.Next(2) == 0 ? GroupFlags.Declared : 0);
                var id = new byte[16];
                _random.NextBytes(id);
                var added = _live.AddGroup($"g{_names++ % 9}-{_names}", new Guid(id), flags, _random.NextInt64(0, _live.End + 5), _now, _frames);
                added.SetRules(Rules, OrderOf(added), added.ByKey && added.Number % 2 == 0, filter: FilterOf(added));
                break;
        }
    }

    private void Lease()
    {
        if (Some(group => !group.IsLog) is not { } group)
            return;
        if (group.Main!.WantsTraits(_live.End, out var from, out var count))
        {
            var traits = Enumerable.Range(0, count).Select(i => TraitsAt(from + i) with { IsPassedOver = group.Main.Filter is not null && (from + i) % 3 == 1 }).ToArray();
            _live.PassOver(group, from, traits, _now, _frames);
            group.Main.Offer(from, traits);
        }

        var leases = new List<GrantedLease>();
        var terms = new LeaseTerms($"c{_random.Next(3)}", _random.Next(1, 12), _now, _now + _random.Next(20, 300), 1);
        _live.Lease(group, terms, _live.End, group.RedrivenLane.End, _frames, leases);
        _leases.AddRange(leases.Select(lease => (group, lease)));
    }

    private void Settle()
    {
        for (var left = _random.Next(1, 8); left > 0 && _leases.Count > 0; left--)
        {
            var at = _random.Next(3) == 0 ? _random.Next(_leases.Count) : 0;
            var (group, granted) = _leases[at];
            var lease = new LeaseId(Identity.Partition, granted.Lane, granted.Epoch, granted.Offset, granted.Delivery);
            switch (_random.Next(12))
            {
                case < 6:
                    if (group.ByKey && _random.Next(2) == 0)
                        _live.Acknowledge(group, lease, StateOf(_random.Next(6)), null, PartitionLineage.Of(3), _now, _frames);
                    else
                        _live.Acknowledge(group, lease, _now, _frames);
                    _leases.RemoveAt(at);
                    break;
                case < 9:
                    _live.Refuse(group, lease, _now + _random.Next(0, 200), _now, _frames);
                    break;
                case < 11:
                    _live.Extend(group, lease, _now + _random.Next(20, 500), _now, _frames);
                    break;
                default:
                    _live.AcknowledgeUpTo(group, granted.Offset, _now, _frames);
                    break;
            }
        }
    }

    /// <summary>Some state of one of a few keys, or none.</summary>
    private SessionWrite StateOf(int key)
    {
        var state = new byte[_random.Next(0, 12)];
        _random.NextBytes(state);
        return new SessionWrite(new[] { (byte)key }, _random.Next(3) == 0 ? new ReadOnlyMemory<byte>?() : state);
    }

    private void MoveCursor()
    {
        if (_random.Next(3) == 0 && Some(group => group.ByKey) is { } keeping)
            _live.SetSession(keeping, StateOf(_random.Next(6)), null, PartitionLineage.Of(3), _now, _frames);
        if (Some(_ => true) is not { } group)
            return;
        if (group.IsLog && _random.Next(4) != 0)
            _live.Commit(group, _random.NextInt64(_live.Start, _live.End + 3), group.Committed!.Generation + _random.Next(-1, 2), _now, _frames);
        else if (_random.Next(4) == 0)
            _live.Seek(group, _random.NextInt64(0, _live.End + 3), _now, _frames);
    }

    private void Bury()
    {
        if (Some(group => !group.IsLog) is not { } group)
            return;
        Seal();
        foreach (var (lane, cursor) in new[] { (Lane.Main, group.Main!), (Lane.RedrivenOf(group.Number), group.Redriven!) })
        {
            var offsets = new List<long>();
            cursor.SelectExhausted(_random.Next(1, 5), offsets);
            var moves = offsets.Where(offset => offset >= _live.Start || lane != Lane.Main)
                .Select(offset => new DeadLetterMove(lane, offset, _records[(lane, offset)], Partition.MaxDeliveriesReason, 3)).ToList();
            if (moves.Count > 0)
                _live.MoveToDeadLetters(group, moves, _now, _frames);
        }
    }

    private void Redrive()
    {
        if (Some(group => group.DeadLetters.Count > 0) is not { } group)
            return;
        Seal();
        var moves = group.DeadLetters.Items.Where(_ => _random.Next(2) == 0)
            .Select(item => _records[(Lane.DeadLettersOf(group.Number), item.Offset)])
            .Select(record => new RedriveMove(record.Offset, record, _random.Next(2) == 0 ? record : null)).ToList();
        if (moves.Count > 0)
            _live.MoveToRedriven(group, moves, _now, _frames);
    }

    private void Discard()
    {
        if (Some(group => group.DeadLetters.Count > 0) is { } group)
            _live.Discard(group, [_random.NextInt64(0, group.DeadLetters.End + 1), group.DeadLetters.Start], _now, _frames);
    }

    private PartitionGroup? Some(Func<PartitionGroup, bool> which)
    {
        var groups = _live.Groups.Where(which).ToList();
        return groups.Count == 0 ? null : groups[_random.Next(groups.Count)];
    }
}

using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace OrleansMq.Gateways.Http;

/// <summary>A group as one tenant names it: two tenants may use the same names, and their leases look alike.</summary>
internal readonly record struct StreamedGroup(string? Tenant, TopicName Topic, GroupName Group);

/// <summary>The event streams that are open on a gateway. What is settled over this gateway gives credit back to the stream that holds it.</summary>
internal sealed class EventStreams(int limit)
{
    private readonly ConcurrentDictionary<StreamedGroup, ImmutableList<EventCredit>> _ofGroup = new();
    private int _open;

    /// <exception cref="MqException"><see cref="ErrorCodes.Overloaded"/>: there are as many as may be.</exception>
    public EventCredit Open(StreamedGroup group, int credit)
    {
        if (Interlocked.Increment(ref _open) > limit)
        {
            Interlocked.Decrement(ref _open);
            throw new MqException(ErrorCodes.Overloaded, $"{limit} event streams are open, all that this gateway takes.");
        }

        var opened = new EventCredit(credit, TimeProvider.System);
        _ofGroup.AddOrUpdate(group, static (_, one) => [one], static (_, others, one) => others.Add(one), opened);
        return opened;
    }

    public void Close(StreamedGroup group, EventCredit credit)
    {
        Interlocked.Decrement(ref _open);
        if (_ofGroup.AddOrUpdate(group, static (_, _) => [], static (_, open, one) => open.Remove(one), credit) is { IsEmpty: true } none)
            _ofGroup.TryRemove(new KeyValuePair<StreamedGroup, ImmutableList<EventCredit>>(group, none));
    }

    /// <summary>Tells the group's streams what became of leases. One that is refused as lapsed or unknown counts no more either.</summary>
    public void Settled(StreamedGroup group, Settlement settlement, IReadOnlyList<SettleResult> results)
    {
        if (!_ofGroup.TryGetValue(group, out var streams))
            return;
        foreach (var stream in streams)
        {
            foreach (var (lease, result) in settlement.Leases.Zip(results))
                if (settlement.Kind == SettlementKind.Extend && result.Ok)
                    stream.Extend(lease, settlement.Lease ?? stream.Lease);
                else
                    stream.Give(lease);
            foreach (var (position, result) in settlement.UpTo.Zip(results.Skip(settlement.Leases.Count)))
                if (result.Ok)
                    stream.GiveUpTo(position);
        }
    }
}

using OrleansMq.Core.Cursors;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Groups;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>How leased messages go out.</summary>
public sealed partial class PartitionEngine
{
    public async Task<LeasedMessages> Receive(GroupName name, string holder, int max, TimeSpan lease)
    {
        while (true)
        {
            var leases = await Lease(name, holder, max, lease);
            var expired = new List<LeaseId>();
            var (deliveries, voids) = await Deliver(name, leases, expired);
            await Expire(name, expired, deliveries.Count > 0);
            // Where all were too old or void, there may be others behind them.
            if (deliveries.Count > 0 || expired.Count + voids == 0)
                return new LeasedMessages(leases.Count - expired.Count - voids, deliveries);
        }
    }

    /// <summary>Gives what was set aside and is asked for; what expired meanwhile is not delivered.</summary>
    public async Task<LeasedMessages> ReceiveDeferred(GroupName name, string holder, IReadOnlyCollection<long> offsets, int max, TimeSpan lease)
    {
        var leases = await LeaseDeferred(name, holder, offsets, max, lease);
        var expired = new List<LeaseId>();
        var (deliveries, voids) = await Deliver(name, leases, expired);
        await Expire(name, expired, deliveries.Count > 0);
        return new LeasedMessages(leases.Count - expired.Count - voids, deliveries);
    }

    /// <remarks>What was delivered before is delivered again, however old it is by now: somebody is at it.</remarks>
    public async Task<LeasedMessages> ReceiveAgain(GroupName name, string holder)
    {
        var leases = await LeasesOf(name, holder);
        var (deliveries, voids) = await Deliver(name, leases, expired: null);
        return new LeasedMessages(leases.Count - voids, deliveries);
    }

    /// <param name="others">There are messages to deliver beside them.</param>
    private async ValueTask Expire(GroupName name, List<LeaseId> expired, bool others)
    {
        if (expired.Count == 0)
            return;
        try
        {
            await (_topic.FindGroup(name.Text) is { WhenExpired: WhenExpired.DeadLetter }
                ? BuryLeases(name, expired, Partition.ExpiredReason, delivered: false)
                : Settle(name, Settlement.Acknowledge(expired), expired, null));
        }
        catch (MqException full) when (others && full.Code == ErrorCodes.DiskFull)
        {
            // The others are leased and go out. The leases of these lapse, and whoever gets them next meets them again.
        }
    }

    /// <summary>How long messages of the topic live; for ever where it does not say.</summary>
    private long TopicLifeMs => (long?)_topic.Settings.TimeToLive?.TotalMilliseconds ?? long.MaxValue;

    private static bool IsExpired(in StoredRecord stored, long topicLifeMs, long nowMs)
    {
        var life = Math.Min(MessageCodec.TimeToLiveOf(stored.Record) ?? long.MaxValue, topicLifeMs);
        return life != long.MaxValue && nowMs - stored.AppendedAtMs >= life;
    }

    /// <param name="expired">Gets the leases of those whose time to live is over, which are not delivered. Null: all are.</param>
    /// <returns>What goes out, and how many of the leases were on what is nobody's message; they are settled.</returns>
    private async ValueTask<(List<Delivery> Deliveries, int Voids)> Deliver(GroupName name, List<GrantedLease> leases, List<LeaseId>? expired)
    {
        var deliveries = new List<Delivery>(leases.Count);
        var main = leases.Where(lease => lease.Lane == Lane.Main).OrderBy(lease => lease.Offset).ToList();
        foreach (var lease in leases)
            if (lease.Lane != Lane.Main && await RedrivenRecord(name, lease.Offset) is { } redriven)
            {
                var delivery = Deliver(lease, redriven);
                deliveries.Add(delivery.DeadLetter is { } dead ? delivery with { Position = dead.Origin } : delivery);
            }

        HashSet<long> voids = [];
        var records = await MainRecords(main.ConvertAll(lease => lease.Offset), voids);
        var (now, topicLife) = (_clock.NowMs, TopicLifeMs);
        for (var i = 0; i < records.Length; i++)
        {
            // What retention removed meanwhile is no delivery; its lease is gone with it.
            if (records[i] is not { } stored)
                continue;
            if (expired is not null && IsExpired(stored, topicLife, now))
                expired.Add(IdOf(main[i]));
            else
                deliveries.Add(Deliver(main[i], stored.Record));
        }

        if (_topic.FindGroup(name.Text) is { } settings && !DeliveryOrder.Of(settings).IsOfLane)
            Arrange(deliveries, leases);
        deliveries = await WithStates(name, deliveries);
        if (voids.Count > 0)
            await SettleVoid(name, voids);
        return (deliveries, voids.Count);
    }

    /// <summary>They were read by their offsets, and go out as they were chosen.</summary>
    private void Arrange(List<Delivery> deliveries, List<GrantedLease> leases)
    {
        var places = new Dictionary<LeaseId, int>(leases.Count);
        foreach (var lease in leases)
            places[IdOf(lease)] = places.Count;
        deliveries.Sort((one, other) => places[one.Lease].CompareTo(places[other.Lease]));
    }

    private LeaseId IdOf(in GrantedLease lease) => new(Number, lease.Lane, lease.Epoch, lease.Offset, lease.Delivery);

    private Delivery Deliver(in GrantedLease lease, in RecordView record) =>
        MessageCodec.DecodeDelivery(
            Number,
            record,
            IdOf(lease),
            DateTimeOffset.FromUnixTimeMilliseconds(lease.UntilMs),
            lease.Delivery);
}

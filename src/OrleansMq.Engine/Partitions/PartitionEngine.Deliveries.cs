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
            var leased = await Deliver(name, leases);
            // Where all of it was void there may be more behind it.
            if (leases.Count == 0 || leased.Leases > 0)
                return leased;
        }
    }

    public async Task<LeasedMessages> ReceiveAgain(GroupName name, string holder) => await Deliver(name, await LeasesOf(name, holder));

    private async ValueTask<LeasedMessages> Deliver(GroupName name, List<GrantedLease> leases)
    {
        var deliveries = new List<Delivery>(leases.Count);
        var voids = await Deliver(name, leases, deliveries);
        return new LeasedMessages(leases.Count - voids, deliveries);
    }

    /// <returns>How many of the leases were on what is nobody's message; they are settled.</returns>
    private async ValueTask<int> Deliver(GroupName name, List<GrantedLease> leases, List<Delivery> deliveries)
    {
        var main = leases.Where(lease => lease.Lane == Lane.Main).OrderBy(lease => lease.Offset).ToList();
        foreach (var lease in leases)
            if (lease.Lane != Lane.Main && await RedrivenRecord(name, lease.Offset) is { } redriven)
            {
                var delivery = Deliver(lease, redriven);
                deliveries.Add(delivery.DeadLetter is { } dead ? delivery with { Position = dead.Origin } : delivery);
            }

        HashSet<long> voids = [];
        var records = await MainRecords(main.ConvertAll(lease => lease.Offset), voids);
        for (var i = 0; i < records.Length; i++)
        {
            // What retention removed meanwhile is no delivery; its lease is gone with it.
            if (records[i] is { } record)
                deliveries.Add(Deliver(main[i], record));
        }

        if (voids.Count > 0)
            await SettleVoid(name, voids);
        return voids.Count;
    }

    private Delivery Deliver(in GrantedLease lease, in RecordView record) =>
        MessageCodec.DecodeDelivery(
            Number,
            record,
            new LeaseId(Number, lease.Lane, lease.Epoch, lease.Offset, lease.Delivery),
            DateTimeOffset.FromUnixTimeMilliseconds(lease.UntilMs),
            lease.Delivery);
}

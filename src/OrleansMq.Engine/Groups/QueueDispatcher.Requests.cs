using OrleansMq.Core.Cursors;

namespace OrleansMq.Engine.Groups;

/// <summary>Requests that come again, because their answer was lost.</summary>
public sealed partial class QueueDispatcher
{
    /// <summary>What the same request got before the broker was started again, or before its answer was let go, while it is under its leases; null when there is nothing.</summary>
    /// <param name="places">The partitions that are known to have given it.</param>
    private async ValueTask<IReadOnlyList<Delivery>?> ReceiveAgain(ReceiveRequest request, IReadOnlyList<int> places)
    {
        var holder = LeaseHolder.Of(request.Consumer, request.RequestId);
        var deliveries = new List<Delivery>();
        var earlier = await _earlier.Find(holder);
        foreach (var number in earlier.Union(places))
        {
            deliveries.AddRange(await WithStates(number, (await (await _open(number)).ReceiveAgain(_group, holder)).Deliveries, await StatesBefore(number)));
        }

        if (earlier.Count > 0)
            await _earlier.Forget(holder, earlier);
        return deliveries.Count == 0 ? null : deliveries;
    }
}

using OrleansMq.Core.Cursors;

namespace OrleansMq.Engine.Groups;

/// <summary>Requests that come again, because their answer was lost.</summary>
public sealed partial class QueueDispatcher
{
    /// <summary>What the same request got before the broker was started again, while it is under its leases; null when there is nothing.</summary>
    private async ValueTask<IReadOnlyList<Delivery>?> ReceiveAgain(ReceiveRequest request)
    {
        var holder = LeaseHolder.Of(request.Consumer, request.RequestId);
        var deliveries = new List<Delivery>();
        foreach (var number in await _earlier.Take(holder))
        {
            deliveries.AddRange(await WithStates(number, (await (await _open(number)).ReceiveAgain(_group, holder)).Deliveries, await StatesBefore(number)));
        }

        return deliveries.Count == 0 ? null : deliveries;
    }

    private void ForgetOldRequests(long nowMs)
    {
        if (_requests.Count <= MaxRememberedRequests)
            return;
        foreach (var request in _requests)
            if (request.Value.UntilMs <= nowMs)
                _requests.TryRemove(request);
    }

    private sealed class Remembered
    {
        public TaskCompletionSource<IReadOnlyList<Delivery>> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>While the first is under way nobody knows; afterwards until its first lease ends.</summary>
        public long UntilMs { get; set; } = long.MaxValue;
    }
}

using OrleansMq.Core.Cursors;

namespace OrleansMq.Engine.Groups;

/// <summary>Messages that the group set aside, fetched by their positions.</summary>
public sealed partial class QueueDispatcher
{
    /// <summary>Of what is named as much as the group may have in flight now; it is not waited for.</summary>
    private async ValueTask<IReadOnlyList<Delivery>> ReceiveDeferred(ReceiveRequest request, HashSet<int> called, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        List<Position> named = [.. request.Deferred.Distinct().OrderBy(position => position.Partition).ThenBy(position => position.Offset)];
        if (named[^1].Partition is var last && last >= _mayHave.Length)
            throw new MqException(ErrorCodes.PartitionUnknown, $"Topic '{_topic}' has {_mayHave.Length} partitions; {last} was asked.");
        var asked = request with { Max = named.Count, Wait = TimeSpan.Zero };
        await CountFirst();
        var allowed = Reserve(asked).Allowed;
        if (allowed == 0 && Recount is { } recount && HasLeases)
        {
            await recount();
            allowed = Reserve(asked).Allowed;
        }

        var left = allowed;
        var deliveries = new List<Delivery>();
        try
        {
            foreach (var share in named.GroupBy(position => position.Partition, position => position.Offset))
            {
                if (left <= 0)
                    break;
                using var given = await _cursors.Shared();
                var earlier = await StatesBefore(share.Key);
                var partition = await _open(share.Key);
                called.Add(share.Key);
                var leased = await partition.ReceiveDeferred(_group, LeaseHolder.Of(request.Consumer, request.RequestId), [.. share], left, request.Lease ?? _settings.Lease);
                deliveries.AddRange(await WithStates(share.Key, leased.Deliveries, earlier, partition, held => Settlement.Defer(held)));
                left -= leased.Leases;
                if (leased.Leases == 0)
                    called.Remove(share.Key);
            }
        }
        catch (MqException) when (deliveries.Count > 0)
        {
            // What is leased goes out; the rest can be asked for again.
        }
        finally
        {
            GiveBack(allowed, left);
        }

        return deliveries;
    }
}

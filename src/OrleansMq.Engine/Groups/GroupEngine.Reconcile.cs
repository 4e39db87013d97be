using System.Globalization;

namespace OrleansMq.Engine.Groups;

/// <summary>What the group has not settled, over all partitions.</summary>
public sealed partial class GroupEngine
{
    /// <remarks>Every page counts anew, in all partitions; messages are shown of one after another.</remarks>
    public async Task<Reconciliation> Reconcile(ReconcileRequest request)
    {
        if (request.Max is < 0 or > ReconcileRequest.MaxMessages)
            throw new MqException(ErrorCodes.Malformed, $"0 to {ReconcileRequest.MaxMessages} messages are shown at once; {request.Max} was given.");
        var (first, place) = Place(request.After);
        var (counts, messages, next) = (new UnsettledCounts(0, 0, 0, 0, 0), new List<UnsettledMessage>(), (string?)null);
        for (var p = 0; p < Partitions; p++)
        {
            var isShown = p >= first && next is null;
            var part = await (await _open(p)).Reconcile(Name, request with { Max = isShown ? request.Max - messages.Count : 0, After = p == first ? place : null });
            counts = counts.Plus(part.Counts);
            messages.AddRange(part.Messages);
            if (part.Next is { } more)
                next = string.Create(CultureInfo.InvariantCulture, $"{p}-{more}");
            else if (isShown && request.Max > 0 && messages.Count == request.Max && p + 1 < Partitions)
                next = string.Create(CultureInfo.InvariantCulture, $"{p + 1}-0-0");
        }

        return new Reconciliation(counts, messages, next);
    }

    public async Task<int> Redeliver(RedeliverRequest request)
    {
        MustBeQueue();
        foreach (var position in request.Positions ?? [])
            CheckPartition(position.Partition);
        var asked = request.Positions?.Select(position => position.Partition).ToHashSet();
        var count = 0;
        await OneByOne(
            Enumerable.Range(0, Partitions).Where(p => asked?.Contains(p) ?? true),
            async p => count += await (await _open(p)).Redeliver(Name, request));
        return count;
    }

    private (int Partition, string? Place) Place(string? after)
    {
        if (after is null)
            return (0, null);
        var dash = after.IndexOf('-', StringComparison.Ordinal);
        return dash > 0 && int.TryParse(after.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var partition) && partition < Partitions
            ? (partition, after[(dash + 1)..])
            : throw new MqException(ErrorCodes.Malformed, "'after' is not what an earlier page gave as 'next'.");
    }
}

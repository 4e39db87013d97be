using OrleansMq.Core.Catalog;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Engine.Topics;

/// <summary>
/// Tokens over a growth: what was sent to a partition's predecessor before the growth is a duplicate here when it is sent again. The predecessor is asked for as long as it may
/// remember such a token; the tokens themselves stay with it, for a million of them would have to be copied to each successor.
/// </summary>
public static class EarlierTokens
{
    /// <summary>Clocks of machines may differ by so much.</summary>
    private const long ClockToleranceMs = 60_000;

    /// <summary>The batch, and where the first ones of its tokens stand in partitions before this one.</summary>
    public static async ValueTask<AdmissibleBatch> Look(
        AdmissibleBatch batch, PartitionLineage lineage, int partition, TopicSettings settings, long nowMs, Func<int, TokenHash?[], Task<RecordOutcome?[]>> find)
    {
        // Who named the partition sends to it again, and not to where a token was chosen to go before.
        if (lineage.Earlier.Count == 0 || batch.Partitions is null || batch.Tokens is not { } tokens || Array.TrueForAll(tokens, token => token is null))
            return batch;
        RecordOutcome?[]? earlier = null;
        foreach (var ancestor in lineage.AncestorsSince(partition, nowMs - (long)settings.TokenAge.TotalMilliseconds - ClockToleranceMs))
        {
            var found = await find(ancestor, tokens);
            earlier = earlier is null ? found : [.. earlier.Zip(found, (known, more) => known ?? more)];
        }

        return earlier is null || Array.TrueForAll(earlier, place => place is null) ? batch : batch with { Earlier = earlier };
    }
}

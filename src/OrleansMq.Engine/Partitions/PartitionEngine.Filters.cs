using OrleansMq.Core.Cursors;
using OrleansMq.Core.Filters;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Messages that match: for groups, and for whoever reads.</summary>
public sealed partial class PartitionEngine
{
    private static void SetRules(PartitionGroup group, GroupSettings settings) =>
        group.SetRules(
            Redelivery.Of(settings), DeliveryOrder.Of(settings), settings.HoldKeyBehindDeadLetter, (long?)settings.SessionIdle?.TotalMilliseconds,
            settings.Filter is not { } text ? null : group.Main?.Filter is { } known && known.Text == text ? known : MessageFilter.Parse(text));

    /// <summary>Reads what a read's filter and its group's let through; without both, batches as they are stored.</summary>
    /// <inheritdoc cref="ReadBatches"/>
    public ValueTask<BatchRead> Read(long offset, int maxBytes, Isolation isolation, ReadThrough through)
    {
        var ofGroup = through.Group is not { } name ? null
            : (_topic.FindGroup(name.Text) ?? throw new MqException(ErrorCodes.GroupUnknown, $"There is no group '{name}'.")).Filter;
        var filters = through.Begin(Number, ofGroup);
        return filters.Count == 0 ? ReadBatches(offset, maxBytes, isolation) : ReadMatching(offset, maxBytes, isolation, through, filters);
    }

    /// <summary>As the other, with those alone that match.</summary>
    public async ValueTask<(byte[] Batches, long Start, long End)> ReadDeadLetters(GroupName group, long offset, int maxBytes, ReadThrough through)
    {
        var filters = through.Begin(Number, ofGroup: null);
        var (letters, start, end) = await ReadDeadLetters(group, offset, filters.Count > 0 && through.IsSpent ? 1 : maxBytes);
        if (filters.Count == 0 || letters.Length == 0)
            return (letters, start, end);
        through.Cancel.ThrowIfCancellationRequested();
        var matching = new MatchingBatch(offset, int.MaxValue, through, filters);
        matching.Take(letters, committed: null);
        return (matching.Next > offset ? matching.Build(Epoch).ToArray() : [], start, end);
    }

    private async ValueTask<BatchRead> ReadMatching(long offset, int maxBytes, Isolation isolation, ReadThrough through, IReadOnlyList<FilterEvaluation> filters)
    {
        var matching = new MatchingBatch(offset, maxBytes, through, filters);
        var (end, stable) = (End, StableEnd);
        while (!through.IsSpent && !matching.IsFull)
        {
            through.Cancel.ThrowIfCancellationRequested();
            // Others have their turns between two chunks.
            if (matching.Next > offset)
                await Task.Yield();
            using var read = await ReadBatches(matching.Next, (int)Math.Min(FilterLimits.ChunkBytes, through.Left), isolation);
            (end, stable) = (read.End, read.Stable);
            if (read.Batches.IsEmpty)
                break;
            var committed = new PartitionRead { Topic = new TopicName(_topic.Name), Partition = Number, Aborted = read.Aborted };
            matching.Take(read.Batches, isolation == Isolation.Committed ? new CommittedBatches(committed) : null);
        }

        return BatchRead.CopyOf(matching.Next > offset ? matching.Build(Epoch) : default, matching.Next, end, stable);
    }

    /// <summary>
    /// Lets a group with a filter look at what lies before an offset, so that what does not match is not counted as unsettled; as far as a receive would, and not where
    /// a receive would get nothing: in a paused group, or while the disk is full.
    /// </summary>
    private async Task LookThrough(GroupName name, long end)
    {
        for (var looks = 0; looks < FilterLimits.MaxLooksOfReceive; looks++)
        {
            var ahead = await Ask(ReleaseLevel.Decided, (state, _, now) =>
                Find(state, name) is { Main: { Filter: not null } main } group && main.Scanned < end && now >= _fullUntilMs && !SettingsOf(group).Paused
                    ? ReadAhead(group, further: true)
                    : null);
            if (ahead is null)
                return;
            await ahead.Value;
        }
    }

    private FilterEvaluation? FilterOf(GroupName name) => _topic.FindGroup(name.Text)?.Filter is { } text ? MessageFilter.Parse(text).Begin(Number) : null;

    /// <summary>Nobody had it, and it will not be given to anybody.</summary>
    private static bool WillBePassedOver(FilterEvaluation? filter, int attempts, in RecordView record) => filter is not null && attempts == 0 && !filter.Matches(record);
}

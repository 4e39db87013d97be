using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Dead letters on their way back, or away.</summary>
public sealed partial class PartitionEngine
{
    private const int RedriveAtOnce = 100;

    public async Task<int> Redrive(GroupName name, IReadOnlyCollection<long>? offsets, Message? replace)
    {
        var letters = await Ask(ReleaseLevel.Durable, (state, _, _) =>
        {
            var lane = Find(state, name).DeadLetters;
            return offsets is null ? lane.Items.ToList() : lane.Items.Where(item => offsets.Contains(item.Offset)).ToList();
        });
        var count = 0;
        for (var next = 0; next < letters.Count;)
        {
            var (moves, bytes) = (new List<RedriveMove>(), 0);
            for (; next < letters.Count && moves.Count < RedriveAtOnce && bytes < MoveBytes; next++)
            {
                var record = await LaneRecord(letters[next].Offset, letters[next].Position);
                moves.Add(new RedriveMove(letters[next].Offset, record, Replacement(replace)));
                bytes += record.Size;
            }

            count += await Ask(ReleaseLevel.Durable, (state, frames, now) =>
            {
                var group = Find(state, name);
                moves.RemoveAll(move => !group.DeadLetters.Contains(move.FromOffset));
                if (moves.Count > 0)
                    state.MoveToRedriven(group, moves, now, frames);
                return moves.Count;
            });
        }

        _topic.Deliverable(this, name.Text);
        return count;
    }

    public Task<int> Discard(GroupName name, IReadOnlyCollection<long>? offsets) => Ask(ReleaseLevel.Durable, (state, frames, now) =>
    {
        var group = Find(state, name);
        var count = state.Discard(group, offsets ?? group.DeadLetters.Items.Select(item => item.Offset).ToList(), now, frames);
        if (group.Held is not null)
            _topic.Deliverable(this, name.Text);
        return count;
    });

    private RecordView? Replacement(Message? replace)
    {
        if (replace is null)
            return null;
        var builder = new RecordBatchBuilder(MessageCodec.SizeOf(replace) + 128);
        MessageCodec.Append(builder, replace, _clock.NowMs);
        foreach (var record in RecordBatch.ReadExactly(builder.ToArray()).Records())
            return record;
        return null;
    }

    /// <summary>A redriven message; null where it is settled by now.</summary>
    internal async ValueTask<RecordView?> RedrivenRecord(GroupName name, long offset)
    {
        var item = await Ask(ReleaseLevel.Decided, (state, _, _) =>
            Find(state, name).RedrivenLane.TryFind(offset, out var position) ? new LaneIndex.Item(offset, position) : (LaneIndex.Item?)null);
        return item is { } found ? await LaneRecord(found.Offset, found.Position) : null;
    }
}

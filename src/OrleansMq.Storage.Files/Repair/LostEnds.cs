using System.Globalization;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// Transactions that are open where everything behind is given up. The end of one that is completed where it is decided was among that, and may have been an abort; a later transaction of the
/// same producer would take its messages along. So it is aborted, at the log's end. One that is not completed there stays open: its end comes (again).
/// </summary>
internal sealed class LostEnds
{
    /// <param name="state">As it is behind all that is given up; the ends are applied to it.</param>
    public LostEnds(Partition state, TopicName topic, int epoch, KnownDocuments documents)
    {
        var (at, first) = (state.Position, state.StableEnd);
        var here = new TransactionPartition(topic, state.Log.Partition);
        var decided = state.Transactions.AllOpen.Select(open => (Open: open, IsUnfinished: documents.IsUnfinished(open, here))).ToList();
        IsUnknown = decided.Exists(each => each.IsUnfinished is null);
        var lost = decided.Where(each => each.IsUnfinished == false).Select(each => each.Open).OrderBy(open => open.Producer.Id).ToList();
        if (lost.Count == 0)
            return;
        var frames = new FrameBuffer(state.Log, epoch) { DurablePosition = at };
        frames.Reset(at);
        foreach (var open in lost)
            state.EndTransaction(open.Producer, TransactionOutcome.Abort, long.MaxValue, state.ClockMs, frames);
        Frames = frames.Seal();
        Named = string.Create(CultureInfo.InvariantCulture,
            $"what stands from offset {first} on of transactions whose end may have been there ({string.Join(", ", lost.Select(open => $"producer {open.Producer.Id}"))}): they count as aborted");
    }

    /// <summary>Whether the document of one does not read back: nothing can be said of its end.</summary>
    public bool IsUnknown { get; }

    /// <summary>To stand at the log's end; empty where none was lost.</summary>
    public ReadOnlyMemory<byte> Frames { get; }

    /// <summary>For people; null where none was lost.</summary>
    public string? Named { get; }
}

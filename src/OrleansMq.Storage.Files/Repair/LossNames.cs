using System.Globalization;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>What is lost, in words that an operator can act on: a topic, a partition, offsets, and of which lanes.</summary>
internal sealed class LossNames(string partition, PlantedBug plant)
{
    /// <summary>What may have stood in a place of which nothing tells what it was.</summary>
    private const string Anything = "changes of groups, deletions, dead letters, redriven, delayed and half messages that stood there";

    /// <summary>Null: nothing is lost.</summary>
    /// <param name="lanes">What else the partition remembers of it.</param>
    /// <param name="state">As it is without it.</param>
    /// <param name="isReplayed">It stood behind the newest snapshot: what its frames did has not happened.</param>
    public string? Of(Hole hole, IReadOnlyList<string> lanes, Partition state, bool isReplayed) =>
        plant == PlantedBug.Unnamed || (hole.WasAGap && lanes.Count == 0) ? null
        : $"{partition}, {string.Join("; ", hole.WasAGap ? lanes : [Of(hole, frame => Of(frame, state, isReplayed)), .. lanes])}";

    public string OfSegment(PlannedSegment missing) => $"{partition}, what stood in {Path.GetFileName(missing.Path)}";

    public string OfEnd(PlannedSegment segment) => $"{partition}, what stood between positions {segment.StoredEnd} and {segment.End}";

    public string OfTheRest(long first, long next, long from, string why, IReadOnlyList<string> more) => string.Create(CultureInfo.InvariantCulture,
        $"{partition}, offsets {first} to {next - 1} and all {Anything}, behind position {from} (what stands behind makes no sense without what is damaged: {why}; it is in the copy){string.Concat(more.Select(each => "; " + each))}");

    /// <summary>Of admissions that nobody can get any more; nothing where there are none.</summary>
    public static IReadOnlyList<string> OfAdmissions(long count) =>
        count == 0 ? [] : [string.Create(CultureInfo.InvariantCulture, $"{count} admissions of the topic's cap, which may have been used there and count as used")];

    public string OfSnapshots(long first, long end, bool hasGrown) => string.Create(CultureInfo.InvariantCulture,
        $"{partition}, what groups did with its messages, dead letters, delayed and half messages, known producers and tokens, admissions that were not used{(hasGrown ? ", at which offset the topic grew" : "")}; the messages from offset {first} to {end - 1} are there");

    private static string Of(Hole hole, Func<FrameHeader, string> name)
    {
        var offsets = hole.NextOffset > hole.FirstOffset ? string.Create(CultureInfo.InvariantCulture, $"offsets {hole.FirstOffset} to {hole.NextOffset - 1}") : null;
        var others = hole.Frames.Count == 0 ? Anything : string.Join(", ", hole.Frames.Where(frame => frame.Kind != FrameKind.Batch || frame.Lane != Lane.Main).Select(name).Distinct());
        return string.Create(CultureInfo.InvariantCulture, $"{offsets ?? "no message of the main lane"}{(others.Length > 0 ? (offsets is null ? ", but " : " and ") + others : "")} ({(hole.IsFeared ? $"behind position {hole.From}, as far as anything stood there: what would tell is lost" : hole.IsTail ? $"behind position {hole.From}, of which no frame says that it was ever flushed: as far as anything there was acknowledged" : hole.IsOpenEnded ? $"behind position {hole.From}, as far as anything stood there: nothing behind tells" : $"positions {hole.From} to {hole.To - 1}")})");
    }

    private static string Of(FrameHeader frame, Partition state, bool isReplayed) =>
        frame.Kind != FrameKind.Batch ? "changes of groups and deletions"
        : frame.Lane == Lane.Scheduled ? $"delayed messages from {frame.BaseOffset} on"
        : frame.Lane == Lane.Half ? $"half messages from {frame.BaseOffset} on"
        : OfMoved(frame, state.FindGroup(Lane.GroupOf(frame.Lane)) is { } group ? $"group '{group.Name}'" : $"group number {Lane.GroupOf(frame.Lane)}", isReplayed);

    /// <summary>A frame in a group's lane is a move: without it the messages are where they came from.</summary>
    private static string OfMoved(FrameHeader frame, string group, bool isReplayed) => Lane.IsDeadLetters(frame.Lane)
        ? $"dead letters of {group} from {frame.BaseOffset} on{(isReplayed ? ", which the group is given again" : "")}"
        : $"redriven messages of {group} from {frame.BaseOffset} on{(isReplayed ? ", which are dead letters again" : "")}";
}

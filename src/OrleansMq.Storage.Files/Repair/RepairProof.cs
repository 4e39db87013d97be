using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Logs;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// Looks at a log that was mended in a trial as a broker will: it has to open, its state has to read back as it would be saved, and each frame that was whole has to stand where it
/// stood, but for those that were given up by name.
/// </summary>
/// <param name="keptTo">From there on all was given up.</param>
internal sealed class RepairProof(DataFolder folder, LogId id, long keptTo)
{
    private readonly string _folder = folder.LogFolder(id);

    /// <returns>Null: it may be done.</returns>
    public string? WhyNot(IDisk before, IDisk after, bool accepted)
    {
        var manifest = LogManifest.Read(after, Path.Join(_folder, LogManifest.FileName), id);
        SegmentChain.Read(after, _folder, manifest);
        using var newest = SnapshotsOf.Newest(after, _folder, manifest.Identity, manifest.FirstSegment);
        using var mended = PlanOn(after, manifest);
        if (mended is null)
            return "its segments contradict each other";
        var survey = new FrameSurvey(mended, manifest.Identity, newest?.Position ?? 0, SnapshotsOf.Reach(after, _folder));
        if (survey.Holes.Find(hole => accepted || !hole.IsTail) is { } left)
            return $"it is still damaged at position {left.From}";
        var end = survey.Tail?.From ?? mended.End;
        if (newest is null && mended.Start > 0)
            return "it would have no snapshot";
        var rehearsal = new Rehearsal(mended, manifest.Identity, manifest.Epoch);
        var (state, why) = rehearsal.Play(newest, [], end);
        if (state is null || state.Position != end)
            return why ?? $"its frames end at position {state!.Position} and its bytes at {end}";
        return rehearsal.WhyNotSaved(state) is { } unsaved ? $"its state would not read back: {unsaved}" : WhatIsGone(before, manifest, mended, newest?.Position ?? 0, state, accepted);
    }

    private string? WhatIsGone(IDisk before, LogManifest manifest, SegmentPlan mended, long snapshot, Partition state, bool accepted)
    {
        using var newest = SnapshotsOf.Newest(before, _folder, manifest.Identity, manifest.FirstSegment);
        using var damaged = PlanOn(before, manifest);
        if (damaged is null)
            return "its segments contradict each other";
        var was = new FrameSurvey(damaged, manifest.Identity, newest?.Position ?? 0, SnapshotsOf.Reach(before, _folder), keptTo);
        var now = new FrameSurvey(mended, manifest.Identity, snapshot, snapshot, Math.Min(keptTo, was.Tail?.From ?? damaged.End));
        return was.Sum != now.Sum ? "frames that are whole would be lost"
            : state.End < Math.Max(was.MainEnd ?? 0, was.Holes.Where(hole => accepted || !hole.IsTail).Select(hole => hole.Hinted).DefaultIfEmpty().Max()) ? $"offsets from {state.End} on would be given again"
            : null;
    }

    private SegmentPlan? PlanOn(IDisk disk, LogManifest manifest) => SegmentPlan.Of(disk, _folder, manifest, SnapshotsOf.Reach(disk, _folder)).Plan;
}

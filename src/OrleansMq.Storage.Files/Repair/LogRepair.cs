using System.Globalization;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Core.Snapshots;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Logs;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// Mends one log. What it changes in place is 112 bytes at a time, and each step leaves a log that the next repair takes up: a gap stands in place of a hole or the hole is there
/// as it was.
/// </summary>
internal sealed class LogRepair(RepairContext context, LogId id)
{
    private readonly string _folder = context.Folder.LogFolder(id);
    private string _name = $"partition {id.Partition} of topic {id.TopicId:N}";

    public void Run()
    {
        if (new ManifestRepair(context, id, _folder).Run() is not { } manifest)
            return;
        _name = $"topic '{manifest.Definition.TopicName}' partition {id.Partition}";
        if (WasBeingMade(manifest))
            return;
        using var newest = SnapshotsOf.Newest(context.Disk, _folder, manifest.Identity, manifest.FirstSegment);
        var (plan, contradiction) = SegmentPlan.Of(context.Disk, _folder, manifest, newest?.Position ?? 0);
        if (plan is null)
        {
            context.Report.Leave(_folder, contradiction!);
            return;
        }

        using (plan)
        {
            // First: it says what can't be mended at all, before anything is changed.
            var survey = new FrameSurvey(plan, manifest.Identity, newest?.Position ?? 0);
            if (MendHeaders(plan, manifest))
                MendFrames(plan, survey, manifest, newest);
        }
    }

    /// <summary>Its manifest came to the disk and its first segment did not: nothing was ever in it.</summary>
    private bool WasBeingMade(LogManifest manifest)
    {
        var first = Path.Join(_folder, SegmentHeader.FileName(0));
        if (manifest.Epoch > 0 || context.Disk.Exists(first))
            return false;
        SegmentMaker.Make(context.Disk, first, manifest.Identity, 0, 0).Dispose();
        context.Report.Did(first, "the log was being made when the power went; its first segment was made");
        return true;
    }

    /// <summary>False: not without loss, which is not accepted.</summary>
    private bool MendHeaders(SegmentPlan plan, LogManifest manifest)
    {
        var done = true;
        foreach (var segment in plan.Segments)
            done &= segment.Header switch
            {
                HeaderState.Good => true,
                HeaderState.Damaged => WriteHeader(segment, manifest, "its header did not read back and was made again from what else is known", null),
                HeaderState.LostItsEnd => WriteHeader(segment, manifest, $"its bytes end at position {segment.StoredEnd}, and the next segment begins at {segment.End}", $"{_name}, what stood between these positions"),
                // Made with the gap that keeps its offsets from being given again: an empty one would say that there never were any.
                _ when segment == plan.Segments[^1] => context.MayLose(segment.Path, "it was missing", LostWith(segment)),
                _ => WriteHeader(segment, manifest, "it was missing", LostWith(segment)),
            };
        return done;
    }

    private string LostWith(PlannedSegment missing) => $"{_name}, what stood in {Path.GetFileName(missing.Path)}";

    private bool WriteHeader(PlannedSegment segment, LogManifest manifest, string what, string? lost)
    {
        if (lost is not null && !context.MayLose(segment.Path, what, lost))
            return false;
        if (segment.EndsEarly)
            RaiseFormat();
        var header = SegmentHeader.Encode(manifest.Identity, segment.Base, manifest.Epoch, segment.EndsEarly ? segment.End : null);
        if (segment.Header == HeaderState.Missing || segment.StoredEnd == segment.Base)
            context.Replace(segment.Path, header);
        else
            context.Change(segment.Path, file => file.OverwriteInUse(header, 0));
        context.Report.Did(segment.Path, what, lost);
        return true;
    }

    private void MendFrames(SegmentPlan plan, FrameSurvey survey, LogManifest manifest, LogSnapshot? newest)
    {
        var rehearsal = new Rehearsal(plan, manifest.Identity, manifest.Epoch);
        if (newest is null && plan.Start > 0)
        {
            newest = MakeSnapshot(plan, survey, rehearsal, manifest);
            if (newest is null)
                return;
        }

        var (behind, before) = (survey.Holes.Where(hole => hole.From >= (newest?.Position ?? 0)).ToList(), survey.Holes.Where(hole => hole.From < (newest?.Position ?? 0)).ToList());
        var end = survey.TornAt ?? Math.Max(plan.End, survey.Holes.Select(hole => hole.To).LastOrDefault());
        var (state, why) = rehearsal.Play(newest, behind, end);
        if (state is null && behind.Count == 0)
        {
            context.Report.Leave(_folder, $"{why}. Every frame is whole; this is no damage of the disk. Restore the log from a copy, and please report it");
            return;
        }

        // What is behind the snapshot begins where it ends, not behind what is passed over there.
        foreach (var hole in before)
            hole.NextOffset ??= behind.FirstOrDefault()?.FirstOffset;
        if (state is null)
        {
            state = GiveUpTheRest(plan, rehearsal, newest, behind, survey, why!);
            if (state is null)
                return;
            behind.Clear();
        }
        else if (survey.Holes.Count > 0 && !CanBeSaved(rehearsal, state))
            return;

        // Each is tried, so that each that is not accepted is named.
        var filled = behind.AsEnumerable().Reverse().Select(hole => PutGap(plan, rehearsal, hole, state.ClockMs, [])).ToList().TrueForAll(put => put);
        if (FillBefore(plan, rehearsal, before, state, manifest.Epoch, filled, survey.TornAt))
            RemoveDamagedSnapshots(manifest);
    }

    /// <summary>Only when a gap stands in every hole behind the snapshot: a header in the tail may be all that says of a hole that it was durable once, and is no tail itself.</summary>
    private void CutTail(SegmentPlan plan, long? tornAt)
    {
        if (tornAt is not { } position)
            return;
        var segment = plan.Segments[^1];
        context.Change(segment.Path, file => file.SetLength(SegmentHeader.Size + position - segment.Base));
        context.Report.Did(segment.Path, $"{plan.End - position} bytes after position {position} were no whole frame and never acknowledged as durable; they were cut, as the broker would");
    }

    /// <summary>Holes in front of the snapshot: what the state still expects there is taken out of it first, so that nobody looks for it.</summary>
    /// <param name="canWrite">The state is that of the log's end: nothing behind is still damaged.</param>
    /// <param name="tornAt">Where a tail begins that is cut.</param>
    private bool FillBefore(SegmentPlan plan, Rehearsal rehearsal, List<Hole> before, Partition state, int epoch, bool canWrite, long? tornAt)
    {
        if (before.Count == 0)
        {
            if (canWrite)
                CutTail(plan, tornAt);
            return canWrite;
        }

        foreach (var hole in before)
        {
            hole.NextOffset ??= state.End;
            hole.FirstOffset ??= Math.Min(state.Start, hole.NextOffset.Value);
        }

        var lanes = new LostLanes(state, before);
        var named = lanes.Named.ToList();
        var isLossy = named.Count > 0 || before.Exists(IsLossy);
        if ((isLossy && !context.MayLose(plan.SegmentOf(before[0].From).Path, $"damaged at {before.Count} places from position {before[0].From} on; the log opens, and they can't be read", Describe(before, named))) || !canWrite)
            return false;
        var frames = lanes.IsEmpty ? default : lanes.Write(state, epoch);
        if (!CanBeSaved(rehearsal, state))
            return false;
        // Before something is written in its place: behind it the tail may go on with what looks like frames.
        CutTail(plan, tornAt);
        if (!frames.IsEmpty)
            Append(plan, state, frames);
        foreach (var hole in before)
            PutGap(plan, rehearsal, hole, state.ClockMs, named, isAccepted: true);
        return true;
    }

    /// <summary>Where what is behind a hole makes no sense without it: all behind it becomes a gap, the newest segment first, so that the hole stays to be found until the end.</summary>
    private Partition? GiveUpTheRest(SegmentPlan plan, Rehearsal rehearsal, LogSnapshot? newest, List<Hole> behind, FrameSurvey survey, string why)
    {
        var from = behind[0].From;
        var next = Math.Max(survey.MainEnd ?? 0, behind.Max(hole => Math.Max(hole.Hinted, hole.NextOffset ?? 0))) + behind.Where(hole => hole.NextOffset is null).Sum(hole => hole.OffsetsInDoubt);
        var end = survey.TornAt ?? Math.Max(plan.End, behind[^1].To);
        var rest = plan.Segments.Where(segment => segment.End > from)
            .Select(segment => new Hole { From = Math.Max(from, segment.Base), To = segment == plan.Segments[^1] ? end : segment.End, NextOffset = next }).Where(hole => hole.To > hole.From).ToList();
        var (state, unknown) = rest.Exists(hole => hole.To - hole.From > Hole.MaxBytes) ? (null, "a segment has more bytes than one gap can stand in for") : rehearsal.Play(newest, rest, end, areTheRest: true);
        if (state is null)
        {
            context.Report.Leave(_folder, $"damaged at position {from}; {why}, and {unknown} without it: restore the log from a copy");
            return null;
        }

        if (!CanBeSaved(rehearsal, state))
            return null;
        var lost = string.Create(CultureInfo.InvariantCulture, $"{_name}, offsets {rest[0].FirstOffset} to {next - 1} and every change of groups behind position {from} (what stands behind makes no sense without what is damaged: {why}; it is in the copy)");
        if (!context.MayLose(plan.SegmentOf(from).Path, $"damaged at position {from}", lost))
            return null;
        foreach (var hole in rest.AsEnumerable().Reverse())
            WriteGap(plan, rehearsal, hole, state.ClockMs);
        context.Report.Did(plan.SegmentOf(from).Path, $"damaged at position {from}: the log was given up from there on", lost);
        return state;
    }

    private bool PutGap(SegmentPlan plan, Rehearsal rehearsal, Hole hole, long atMs, List<string> lanes, bool isAccepted = false)
    {
        var segment = plan.SegmentOf(hole.From);
        var what = hole.IsBoundless
            ? string.Create(CultureInfo.InvariantCulture, $"nothing tells what stood from position {hole.From} on; {hole.NextOffset - hole.FirstOffset} offsets are passed over, so that none is given twice")
            : $"{hole.To - hole.From} damaged bytes from position {hole.From} (offset {SegmentHeader.Size + hole.From - segment.Base} of the file) were given up and are passed over";
        var lost = IsLossy(hole) ? Describe([hole], lanes) : null;
        if (lost is not null && !isAccepted && !context.MayLose(segment.Path, $"damaged at position {hole.From} (offset {SegmentHeader.Size + hole.From - segment.Base} of the file)", lost))
            return false;
        WriteGap(plan, rehearsal, hole, atMs);
        context.Report.Did(segment.Path, what, lost);
        return true;
    }

    private void WriteGap(SegmentPlan plan, Rehearsal rehearsal, Hole hole, long atMs)
    {
        RaiseFormat();
        var segment = plan.SegmentOf(hole.From);
        var frame = new byte[FrameHeader.Size];
        rehearsal.GapFor(hole.From, hole.To, hole.NextOffset!.Value, atMs).Write(frame);
        if (segment.Header == HeaderState.Missing && segment == plan.Segments[^1] && !context.Disk.Exists(segment.Path))
        {
            context.Replace(segment.Path, [SegmentHeader.Encode(rehearsal.Identity, segment.Base, rehearsal.Epoch), .. Zeros(hole.From - segment.Base), frame]);
            context.Report.Did(segment.Path, "it was missing and was made again", LostWith(segment));
            return;
        }

        context.Change(segment.Path, file =>
        {
            file.OverwriteInUse(frame, SegmentHeader.Size + hole.From - segment.Base);
            if (segment == plan.Segments[^1] && file.Length < SegmentHeader.Size + hole.To - segment.Base)
                file.SetLength(SegmentHeader.Size + hole.To - segment.Base);
        });
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Zeros(long count)
    {
        var piece = new byte[Math.Min(count, 1 << 20)];
        for (; count > 0; count -= piece.Length)
            yield return piece.AsMemory(0, (int)Math.Min(count, piece.Length));
    }

    /// <summary>A broker that opened the log would stop at the opening after its next snapshot.</summary>
    private bool CanBeSaved(Rehearsal rehearsal, Partition state)
    {
        if (rehearsal.WhyNotSaved(state) is not { } why)
            return true;
        context.Report.Leave(_folder, $"with gaps in place of what is damaged its state could be written to a snapshot and not be read again: {why}. Restore the log from a copy");
        return false;
    }

    private void Append(SegmentPlan plan, Partition state, ReadOnlyMemory<byte> frames)
    {
        var segment = plan.Segments[^1];
        context.Change(segment.Path, file => file.OverwriteInUse(frames.Span, SegmentHeader.Size + state.Position - frames.Length - segment.Base));
    }

    /// <summary>The log was trimmed and no snapshot reads back: the messages are there, and what groups did with them is not.</summary>
    private LogSnapshot? MakeSnapshot(SegmentPlan plan, FrameSurvey survey, Rehearsal rehearsal, LogManifest manifest)
    {
        var what = $"the log begins at position {plan.Start} and no snapshot of what was before reads back";
        var end = survey.TornAt ?? plan.End;
        if (survey.HasTransactions || survey.Holes.Count > 0 || survey.FirstOffset is not { } first || survey.MainEnd is not { } mainEnd)
        {
            context.Report.Leave(_folder, $"{what}, and its messages can't be served without: restore a snapshot from a copy");
            return null;
        }

        if (Growths() is not (0 or 1))
        {
            context.Report.Leave(_folder, $"{what}; the topic has grown more than once, or its document does not read back, and where keys left the partition is only known from one: restore a snapshot from a copy");
            return null;
        }

        var lost = $"{_name}, what groups did with its messages, dead letters, delayed and half messages, known producers and tokens{(Growths() == 1 ? ", at which offset the topic grew" : "")}; the messages from offset {first} to {mainEnd - 1} are there";
        if (!context.MayLose(_folder, what, lost))
            return null;
        var made = rehearsal.WithMessagesAlone(end, first, mainEnd, survey.ClockMs);
        if (rehearsal.Play(made, [], end) is { State: null, Why: var why })
        {
            context.Report.Leave(_folder, $"{what}, and one of its messages alone makes no sense: {why}. Restore a snapshot from a copy");
            return null;
        }

        var path = Path.Join(_folder, SnapshotFile.FileName(end));
        context.Replace(path, SnapshotFile.EncodeHeader(manifest.Identity, end, made.State.Span), made.State);
        context.Report.Did(path, $"{what}; one was made of its messages alone", lost);
        return made;
    }

    /// <summary>How often the topic has grown since it had this partition; null where nobody can say.</summary>
    private int? Growths()
    {
        try
        {
            return ManifestRepair.DefinitionFromDocuments(context, id.TopicId) is { } topic && TopicDocument.FromJson(topic.Definition.Span) is var document
                ? document.Earlier.Count(count => id.Partition < count.Partitions) + (document.Growing is null ? 0 : 1)
                : null;
        }
        catch (StateFormatException)
        {
            return null;
        }
    }

    /// <summary>The log opens without them: another snapshot or the log itself stands in.</summary>
    private void RemoveDamagedSnapshots(LogManifest manifest)
    {
        foreach (var path in SnapshotsOf.Damaged(context.Disk, _folder, manifest.Identity))
        {
            context.Remove(path);
            context.Report.Did(path, "it did not read back and was taken away; an older one or the log itself stands in for it");
        }
    }

    private void RaiseFormat()
    {
        context.Copies.Keep(context.Folder.Format);
        context.Folder.Raise();
    }

    private static bool IsLossy(Hole hole) => !hole.WasAGap;

    private string Describe(IReadOnlyList<Hole> holes, List<string> lanes)
    {
        var ranges = holes.Where(IsLossy).Select(hole => hole.NextOffset > hole.FirstOffset
            ? string.Create(CultureInfo.InvariantCulture, $"offsets {hole.FirstOffset} to {hole.NextOffset - 1}")
            : string.Create(CultureInfo.InvariantCulture, $"no message of the main lane at position {hole.From}, but what groups did there"));
        return $"{_name}, {string.Join("; ", ranges.Concat(lanes))}";
    }
}

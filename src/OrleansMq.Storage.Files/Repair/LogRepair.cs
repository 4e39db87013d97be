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
    private readonly KnownDocuments _documents = new(context);
    private long _keptTo = long.MaxValue;
    private LossNames _loss = new($"partition {id.Partition} of topic {id.TopicId:N}", context.Plant);

    /// <returns>From which position on everything was given up; else the greatest there is.</returns>
    public long Run()
    {
        Mend();
        return _keptTo;
    }

    private void Mend()
    {
        var mending = new ManifestRepair(context, id, _folder);
        if (mending.Run() is not { } manifest)
            return;
        MendBehind(manifest, mending.MayGoOn);
        mending.Finish();
    }

    /// <param name="mayGoOn">There may have been a newer segment than any of which something is known.</param>
    private void MendBehind(LogManifest manifest, bool mayGoOn)
    {
        _loss = new LossNames($"topic '{manifest.Definition.TopicName}' partition {id.Partition}", context.Plant);
        if (WasBeingMade(manifest))
            return;
        using var newest = SnapshotsOf.Newest(context.Disk, _folder, manifest.Identity, manifest.FirstSegment);
        var reach = SnapshotsOf.Reach(context.Disk, _folder);
        var (plan, contradiction) = SegmentPlan.Of(context.Disk, _folder, manifest, reach, mayGoOn);
        if (plan is null)
        {
            context.Report.Leave(_folder, contradiction!);
            return;
        }

        using (plan)
        {
            var survey = new FrameSurvey(plan, manifest.Identity, newest?.Position ?? 0, reach);
            MendHeaders(plan, manifest);
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

    private void MendHeaders(SegmentPlan plan, LogManifest manifest)
    {
        foreach (var segment in plan.Segments)
        {
            if (segment.Header == HeaderState.Damaged)
                WriteHeader(segment, manifest, "its header did not read back and was made again from what else is known", null);
            else if (segment.Header == HeaderState.LostItsEnd)
                WriteHeader(segment, manifest, $"its bytes end at position {segment.StoredEnd}, and the next segment begins at {segment.End}", _loss.OfEnd(segment));
            // The newest is made with the gap that keeps its offsets from being given again: an empty one would say that there never were any.
            else if (segment.Header == HeaderState.Missing && segment != plan.Segments[^1])
                WriteHeader(segment, manifest, "it was missing", _loss.OfSegment(segment));
        }
    }

    private void WriteHeader(PlannedSegment segment, LogManifest manifest, string what, string? lost)
    {
        if (segment.EndsEarly)
            RaiseFormat();
        var header = SegmentHeader.Encode(manifest.Identity, segment.Base, manifest.Epoch, segment.EndsEarly ? segment.End : null);
        if (segment.Header == HeaderState.Missing || segment.StoredEnd == segment.Base)
            context.Replace(segment.Path, header);
        else
            context.Change(segment.Path, file => file.OverwriteInUse(header, 0));
        context.Report.Did(segment.Path, what, lost);
    }

    private void MendFrames(SegmentPlan plan, FrameSurvey survey, LogManifest manifest, LogSnapshot? newest)
    {
        var rehearsal = new Rehearsal(plan, manifest.Identity, manifest.Epoch);
        if (context.Plant == PlantedBug.GapTooLong)
            survey.Holes.ForEach(hole => hole.To = plan.SegmentOf(hole.From).End);
        if (context.Plant == PlantedBug.OffsetsAgain)
            survey.Holes.ForEach(hole => hole.OffsetsInDoubt = 0);
        if (newest is null && plan.Start > 0)
        {
            newest = MakeSnapshot(plan, survey, rehearsal, manifest);
            if (newest is null)
                return;
        }

        if (context.Plant is PlantedBug.TailFirst or PlantedBug.CutsTheRest)
            CutTail(plan, survey);
        // A broker cuts it when it opens the log; where that may lose something that was acknowledged, it is no loss of this repair.
        var tail = context.AcceptLoss ? null : survey.Tail;
        survey.Holes.RemoveAll(hole => hole == tail);
        var from = newest?.Position ?? 0;
        var (behind, before) = (survey.Holes.Where(hole => hole.From >= from).ToList(), survey.Holes.Where(hole => hole.From < from).ToList());
        var end = tail?.From ?? Math.Max(plan.End, survey.Holes.Select(hole => hole.To).LastOrDefault());
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
            state = GiveUpTheRest(manifest.Definition.TopicName, plan, rehearsal, newest, behind, survey, why!);
        else if (survey.Holes.Count == 0 || (CountAdmissions(behind, state) && CanBeSaved(rehearsal, state)))
            // The first one first: what stands behind a hole may be all that says that it was durable once.
            foreach (var hole in behind)
                PutGap(plan, rehearsal, hole, state);
        else
            state = null;
        if (state is not null && FillBefore(plan, rehearsal, before, state, manifest.Epoch))
            RemoveDamagedSnapshots(manifest);
    }

    /// <summary>A bug that is planted for tests: what is cut may be all that says of a hole before it that it was durable once.</summary>
    private void CutTail(SegmentPlan plan, FrameSurvey survey)
    {
        var segment = plan.Segments[^1];
        if (survey.Holes.Count == 0 || survey.Holes[^1] is not { } last || last.From < segment.Base || (context.Plant == PlantedBug.TailFirst && (survey.Holes.Count == 1 || last.To < plan.End)))
            return;
        context.Change(segment.Path, file => file.SetLength(SegmentHeader.Size + last.From - segment.Base));
        context.Report.Did(segment.Path, "its tail was cut");
        survey.Holes.Remove(last);
    }

    /// <summary>Holes in front of the snapshot: what the state still expects there is taken out of it first, so that nobody looks for it.</summary>
    private bool FillBefore(SegmentPlan plan, Rehearsal rehearsal, List<Hole> before, Partition state, int epoch)
    {
        if (before.Count == 0)
            return true;
        foreach (var hole in before)
        {
            hole.NextOffset ??= state.End;
            hole.FirstOffset ??= Math.Min(state.Start, hole.NextOffset.Value);
        }

        var lanes = new LostLanes(state, before);
        var named = lanes.Named.ToList();
        var frames = lanes.IsEmpty ? default : lanes.Write(state, epoch);
        if (!CanBeSaved(rehearsal, state))
            return false;
        if (!frames.IsEmpty)
            Append(plan, state, frames);

        foreach (var hole in before)
        {
            WriteGap(plan, rehearsal, hole, state.ClockMs);
            Tell(plan, hole, _loss.Of(hole, hole == before[0] ? named : [], state, isReplayed: false));
        }

        return true;
    }

    /// <summary>Where what is behind a hole makes no sense without it: all behind it becomes a gap, the newest segment first, so that the hole stays to be found until the end.</summary>
    private Partition? GiveUpTheRest(string topic, SegmentPlan plan, Rehearsal rehearsal, LogSnapshot? newest, List<Hole> behind, FrameSurvey survey, string why)
    {
        var from = _keptTo = behind[0].From;
        var next = Math.Max(survey.MainEnd ?? 0, behind.Max(hole => Math.Max(hole.Hinted, hole.NextOffset ?? 0))) + behind.Where(hole => hole.NextOffset is null).Sum(hole => hole.OffsetsInDoubt);
        var end = Math.Max(plan.End, behind[^1].To);
        var rest = plan.Segments.Where(segment => segment.End > from)
            .Select(segment => new Hole { From = Math.Max(from, segment.Base), To = segment == plan.Segments[^1] ? end : segment.End, NextOffset = next }).Where(hole => hole.To > hole.From).ToList();
        var (state, unknown) = rest.Exists(hole => hole.To - hole.From > Hole.MaxBytes) ? (null, "a segment has more bytes than one gap can stand in for") : rehearsal.Play(newest, rest, end, areTheRest: true);
        if (state is null)
        {
            context.Report.Leave(_folder, $"damaged at position {from}; {why}, and {unknown} without it: restore the log from a copy");
            return null;
        }

        var atMs = state.ClockMs;
        var ends = new LostEnds(state, new TopicName(topic), rehearsal.Epoch, _documents);
        if (ends.IsUnknown)
        {
            context.Report.Leave(_folder, $"damaged at position {from}; {why}, and the document that says how a transaction ended that is open there does not read back: restore that from a copy first");
            return null;
        }

        if (!CountAdmissions(rest, state) || !CanBeSaved(rehearsal, state))
            return null;
        // Before the first gap: a log that has all of them opens, and nobody would look for transactions any more.
        if (!ends.Frames.IsEmpty && !IsToBeMade(plan.Segments[^1]))
            Append(plan, state, ends.Frames);
        foreach (var hole in rest.AsEnumerable().Reverse())
            WriteGap(plan, rehearsal, hole, atMs, ends.Frames);
        context.Report.Did(plan.SegmentOf(from).Path, $"damaged at position {from}: the log was given up from there on",
            _loss.OfTheRest(rest[0].FirstOffset ?? 0, next, from, why, [.. ends.Named is { } named ? [named] : Array.Empty<string>(), .. LossNames.OfAdmissions(rest[0].Admitted)]), behind.TrueForAll(hole => hole.IsTail));
        return state;
    }

    /// <summary>What is given up may have used admissions of the topic's cap: all that were granted here and are not seen to be used count as used, or more than the cap would be admitted.</summary>
    private bool CountAdmissions(List<Hole> holes, Partition state)
    {
        if (holes.Find(hole => hole.MayHaveAdmitted) is not { } first)
            return true;
        if (Granted() is not { } granted)
            return false;
        if (granted - state.Admitted > int.MaxValue)
        {
            context.Report.Leave(_folder, $"more of its topic's admissions may have been used in what is damaged than a gap can say. Restore the log from a copy");
            return false;
        }

        first.Admitted = (int)Math.Max(0, granted - state.Admitted);
        return true;
    }

    private long? Granted()
    {
        var granted = _documents.GrantedTo(id);
        if (granted is null)
            context.Report.Leave(_folder, "how many messages its topic's cap has admitted can't be known, for the document that says it does not read back: restore that from a copy first");
        return granted;
    }

    private void PutGap(SegmentPlan plan, Rehearsal rehearsal, Hole hole, Partition state)
    {
        WriteGap(plan, rehearsal, hole, state.ClockMs);
        Tell(plan, hole, _loss.Of(hole, LossNames.OfAdmissions(hole.Admitted), state, isReplayed: true));
    }

    private void Tell(SegmentPlan plan, Hole hole, string? lost)
    {
        var segment = plan.SegmentOf(hole.From);
        context.Report.Did(segment.Path, hole.IsBoundless || (hole.EndsTheLog && !hole.IsTail)
            ? string.Create(CultureInfo.InvariantCulture, $"nothing tells what stood from position {hole.From} on; {hole.NextOffset - hole.FirstOffset} offsets are passed over, so that none is given twice")
            : hole.IsTail ? $"{hole.To - hole.From} bytes from position {hole.From} (offset {SegmentHeader.Size + hole.From - segment.Base} of the file) are no frame, as after a loss of power, and are passed over; a broker would cut them"
            : $"{hole.To - hole.From} damaged bytes from position {hole.From} (offset {SegmentHeader.Size + hole.From - segment.Base} of the file) were given up and are passed over", lost, hole.IsTail);
    }

    /// <param name="behind">Frames that stand behind it, where it is made with its segment.</param>
    private void WriteGap(SegmentPlan plan, Rehearsal rehearsal, Hole hole, long atMs, ReadOnlyMemory<byte> behind = default)
    {
        RaiseFormat();
        var segment = plan.SegmentOf(hole.From);
        var frame = new byte[FrameHeader.Size];
        rehearsal.GapFor(hole, atMs).Write(frame);
        if (segment == plan.Segments[^1] && IsToBeMade(segment))
        {
            context.Replace(segment.Path, [SegmentHeader.Encode(rehearsal.Identity, segment.Base, rehearsal.Epoch), .. Zeros(hole.From - segment.Base), frame, .. behind.IsEmpty ? [] : Zeros(hole.To - hole.From - frame.Length), behind]);
            context.Report.Did(segment.Path, "it was missing, or shorter than its header, and was made again", _loss.OfSegment(segment));
            return;
        }

        context.Change(segment.Path, file =>
        {
            // Room for all that the gap says it is, before it says so.
            if (segment == plan.Segments[^1] && file.Length < SegmentHeader.Size + hole.To - segment.Base)
            {
                file.SetLength(SegmentHeader.Size + hole.To - segment.Base);
                file.FlushInUse();
            }

            file.OverwriteInUse(frame, SegmentHeader.Size + hole.From - segment.Base);
        });
    }

    private bool IsToBeMade(PlannedSegment newest)
    {
        if (newest.Header != HeaderState.Missing || !context.Disk.Exists(newest.Path))
            return newest.Header == HeaderState.Missing;
        using var file = context.Disk.Open(newest.Path, DiskOpenMode.Read);
        return file.Length < SegmentHeader.Size;
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
        var end = survey.Tail?.From ?? plan.End;
        if (survey.HasTransactions || survey.Holes.Exists(hole => !hole.IsTail) || survey.FirstOffset is not { } first || survey.MainEnd is not { } mainEnd)
        {
            context.Report.Leave(_folder, $"{what}, and its messages can't be served without: restore a snapshot from a copy");
            return null;
        }

        var growths = Growths();
        if (growths is not (0 or 1))
        {
            context.Report.Leave(_folder, $"{what}; the topic has grown more than once, or its document does not read back, and where keys left the partition is only known from one: restore a snapshot from a copy");
            return null;
        }

        if (Granted() is not { } granted)
            return null;
        var made = rehearsal.WithMessagesAlone(end, first, mainEnd, survey.ClockMs, granted, _documents.GroupsOf(id.TopicId));
        if (rehearsal.Play(made, [], end) is { State: null, Why: var why })
        {
            context.Report.Leave(_folder, $"{what}, and one of its messages alone makes no sense: {why}. Restore a snapshot from a copy");
            return null;
        }

        var path = Path.Join(_folder, SnapshotFile.FileName(end));
        context.Replace(path, SnapshotFile.EncodeHeader(manifest.Identity, end, made.State.Span), made.State);
        context.Report.Did(path, $"{what}; one was made of its messages alone", _loss.OfSnapshots(first, mainEnd, hasGrown: growths == 1));
        return made;
    }

    /// <summary>How often the topic has grown since it had this partition; null where nobody can say.</summary>
    private int? Growths()
    {
        try
        {
            return _documents.DefinitionOf(id.TopicId) is { } topic && TopicDocument.FromJson(topic.Definition.Span) is var document
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
        context.Folder.CheckFormat();
        if (context.Folder.IsRaised)
            return;
        context.Copies.Keep(context.Folder.Format);
        context.Folder.Raise();
    }
}

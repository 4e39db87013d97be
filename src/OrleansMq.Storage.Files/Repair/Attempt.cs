using OrleansMq.Core.Snapshots;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// One thing to be mended. It is mended beside the real disk first; what would come of it is proved, and what would be lost is asked for, before the first byte changes. Where any of
/// it can't be, nothing is done.
/// </summary>
internal sealed class Attempt(IDisk disk, string root, RepairCopies copies, RepairReport report, bool acceptLoss, PlantedBug plant)
{
    /// <summary>What a dry run has mended so far, or the real disk.</summary>
    public IDisk Disk { get; private set; } = disk;

    /// <summary>What was begun before and not completed, and what is being changed.</summary>
    public required RepairMark Mark { get; init; }

    /// <param name="path">Of what a failure is told.</param>
    /// <param name="prove">Looks at what came of the trial: before, after, whether losses are accepted. Why it must not be; null where it may.</param>
    public void Run(string path, Action<RepairContext> repair, Func<IDisk, IDisk, bool, string?>? prove = null)
    {
        if (!acceptLoss && Mark.NeedsAcceptLossAt(path))
        {
            report.Leave(path, "a repair with --accept-loss was cut off here, or failed: run it with --accept-loss again");
            return;
        }

        var left = report.Left.Count;
        Mend(path, repair, prove);
        if (!report.IsDry && report.Left.Count == left)
            Complete(path);
    }

    private void Complete(string path)
    {
        try
        {
            Mark.Clear(path);
        }
        catch (DiskException e)
        {
            report.Leave(path, $"it is mended, but the file repairing, which keeps brokers away, could not be changed: {e.Message}. Run the same repair again");
        }
    }

    private void Mend(string path, Action<RepairContext> repair, Func<IDisk, IDisk, bool, string?>? prove)
    {
        var (trial, tried) = Try(path, repair, prove, accepted: true);
        var lossy = tried.Done.Where(step => step.Lost is not null).ToList();
        var accepted = acceptLoss || lossy.Count == 0;
        if (tried.Left.Count == 0 && !accepted)
        {
            report.Leave(lossy);
            (trial, tried) = Try(path, repair, prove, accepted: false);
            // What can't be had without a loss was said, and a tail is left to the broker.
            if (tried.Left.Count > 0 || tried.Done.Any(step => step.Lost is not null))
                return;
        }

        report.Leave(tried.Left);
        if (tried.Left.Count > 0 || tried.Done.Count == 0)
            return;
        if (report.IsDry)
        {
            Disk = trial;
            report.Did(tried.Done);
            return;
        }

        Change(path, repair, tried.Done, accepted);
    }

    private void Change(string path, Action<RepairContext> repair, IReadOnlyList<RepairStep> steps, bool accepted)
    {
        string? begun = null;
        try
        {
            // If the power goes before anybody has read the report, this tells what was lost.
            var note = copies.Note(steps);
            Mark.Set(path, acceptLoss);
            begun = note;
            repair(ContextOn(Disk, copies, report, accepted));
        }
        catch (Exception e) when (IsOfThisOne(e))
        {
            report.Leave(path, begun is null ? e.Message : $"{e.Message}. What was begun, and what is lost by it, is in {begun}; run the same repair again, no broker starts before");
        }
    }

    private (IDisk Trial, RepairReport Tried) Try(string path, Action<RepairContext> repair, Func<IDisk, IDisk, bool, string?>? prove, bool accepted)
    {
        var (trial, tried) = (new TrialDisk(Disk), new RepairReport());
        Guarded(tried, path, () =>
        {
            repair(ContextOn(trial, RepairCopies.None, tried, accepted));
            if (tried.Done.Count > 0 && tried.Left.Count == 0 && plant is not (PlantedBug.GapTooLong or PlantedBug.CutsTheRest or PlantedBug.TailFirst) && prove?.Invoke(Disk, trial, accepted) is { } why)
                tried.Leave(path, $"a trial of the repair showed that {why}; nothing was done. Restore it from a copy, and please report it");
        });
        return (trial, tried);
    }

    private RepairContext ContextOn(IDisk target, RepairCopies kept, RepairReport told, bool accepted) => new(target, new DataFolder(target, root), kept, told, accepted, plant);

    /// <summary>What goes wrong with one keeps no other from being mended.</summary>
    private static void Guarded(RepairReport report, string path, Action repair)
    {
        try
        {
            repair();
        }
        catch (Exception e) when (IsOfThisOne(e))
        {
            report.Leave(path, e.Message);
        }
    }

    private static bool IsOfThisOne(Exception e) => e is DiskException or StorageException or StateFormatException;
}

using System.Text;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Snapshots;
using OrleansMq.Engine.Storage;
using OrleansMq.Engine.Topics;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Documents;
using OrleansMq.Storage.Files.Formats;
using OrleansMq.Storage.Files.Journaling;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// Mends a data folder that no broker uses. What it does is tried and proved before it is done (<see cref="Attempt"/>). Every file is copied beside the folder before it is changed; a
/// repair that is cut off anywhere is completed by the next; one that was completed finds nothing to do.
/// </summary>
public sealed class FolderRepair : IDisposable
{
    private readonly IDisk _disk;
    private readonly DataFolder _folder;
    private readonly IDisposable _lock;
    private readonly RepairCopies _copies;

    private FolderRepair(IDisk disk, DataFolder folder, string copies)
    {
        (_disk, _folder) = (disk, folder);
        _copies = new RepairCopies(disk, folder.Root, copies);
        _lock = folder.LockAlone();
    }

    /// <summary>For tests of what judges repairs.</summary>
    internal PlantedBug Plant { get; init; }

    /// <param name="directory">The data folder.</param>
    /// <param name="copies">Where files are copied to before they are changed; null: beside the folder, with the time in its name.</param>
    /// <param name="now">The time for that name.</param>
    /// <param name="disk">Default: this machine's.</param>
    /// <exception cref="DataFolderException">It is no data folder, in use, or of a newer version.</exception>
    public static FolderRepair Open(string directory, string? copies, DateTimeOffset now, IDisk? disk = null) => Open(directory, copies, now, disk, PlantedBug.None);

    internal static FolderRepair Open(string directory, string? copies, DateTimeOffset now, IDisk? disk, PlantedBug plant)
    {
        disk ??= LocalDisk.ForThisMachine();
        var folder = new DataFolder(disk, directory);
        if (!disk.Exists(folder.Logs) && !disk.Exists(folder.Documents))
            throw new DataFolderException($"{folder.Root} is not a data folder.");
        if (disk.Exists(folder.Making))
            throw new DataFolderException($"{folder.Root} is a shared folder; those are not repaired yet.");
        var into = copies is null ? RepairCopies.Beside(disk, folder.Root, now) : Path.TrimEndingDirectorySeparator(Path.GetFullPath(copies));
        if (into == folder.Root || into.StartsWith(folder.Root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new DataFolderException($"{into} is in the data folder itself; copies must lie elsewhere.");
        return new FolderRepair(disk, folder, into) { Plant = plant };
    }

    /// <param name="acceptLoss">Whether what can't be mended otherwise is given up. Without it that is only said, and nothing is done where it would be.</param>
    /// <param name="dry">Nothing is changed: the report says what would be done.</param>
    /// <param name="cancel">Between two logs.</param>
    /// <exception cref="DataFolderException">The folder is of a newer version.</exception>
    public RepairReport Run(bool acceptLoss, bool dry = false, CancellationToken cancel = default)
    {
        var report = new RepairReport { IsDry = dry };
        try
        {
            Run(report, acceptLoss, cancel);
        }
        catch (DiskException e)
        {
            report.Leave(e.Path, $"{e.Message}. What comes behind it was not looked at");
        }

        report.Copies = _copies.Folder;
        return report;
    }

    private void Run(RepairReport report, bool acceptLoss, CancellationToken cancel)
    {
        var mark = RepairMark.Read(_disk, _folder);
        var attempt = new Attempt(_disk, _folder.Root, _copies, report, acceptLoss, Plant) { Mark = mark };
        // First, for what the journal holds is applied by a broker, which needs it.
        attempt.Run(_folder.Format, MendFormat);
        if (report.Left.Count > 0)
            return;
        new DataFolder(attempt.Disk, _folder.Root).CheckFormat();
        if (!JournalIsApplied(report) || !DocumentsAreMoved(report))
            return;
        MendAll(attempt, cancel);
        if (!report.IsDry)
            mark.ClearWhatIsGone(leftNothing: acceptLoss && report.Left.Count == 0);
    }

    private void MendAll(Attempt attempt, CancellationToken cancel)
    {
        var logs = LogInspector.LogsIn(_disk, _folder).ToList();
        foreach (var id in logs)
        {
            cancel.ThrowIfCancellationRequested();
            var keptTo = long.MaxValue;
            attempt.Run(_folder.LogFolder(id), context => keptTo = new LogRepair(context, id).Run(), (before, after, accepted) => new RepairProof(_folder, id, keptTo).WhyNot(before, after, accepted));
        }

        foreach (var shard in ShardNames.In(_disk, _folder.Documents).ToList())
            attempt.Run(Path.Join(_folder.Documents, ShardNames.FileOf(shard)), context => new ShardRepair(context, shard).Run(FirstDefinitions(attempt.Disk, logs)));
    }

    /// <summary>What a journal holds would be applied over what was mended.</summary>
    private bool JournalIsApplied(RepairReport report)
    {
        try
        {
            if (JournalImage.Read(_disk, _folder.Journal).Records.Count is > 0 and var count)
                report.Leave(_folder.Journal, $"the journal holds {count} changes that the next start of a broker applies; nothing was looked at. Start a broker on the folder and stop it, which it also can where partitions are damaged, then repair");
        }
        catch (Exception e) when (e is StorageException or DiskException)
        {
            report.Leave(_folder.Journal, $"{e.Message} Nothing else was looked at");
        }
        return report.Left.Count == 0;
    }

    /// <summary>What is done to logs depends on what documents say.</summary>
    private bool DocumentsAreMoved(RepairReport report)
    {
        foreach (var former in FormerShard.In(_disk, _folder.Documents))
            report.Leave(former, "documents as earlier versions wrote them; nothing was looked at. Start a broker of this version on the folder, which moves them as they are used, or put aside what does not read back of them; then repair");
        return report.Left.Count == 0;
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>The line that both versions' readers of this program read; a number that is there is believed.</summary>
    private static void MendFormat(RepairContext context)
    {
        var path = context.Folder.Format;
        if (context.Disk.Exists(path) && DataFolder.IsFormat(Encoding.UTF8.GetString(context.Disk.ReadWhole(path)).TrimEnd('\n', '\r')))
            return;
        context.Copies.Keep(path);
        context.Folder.Raise();
        context.Report.Did(path, "the line that says the folder's version did not read back and was written anew");
    }

    /// <summary>Topics' documents by key, as their logs repeat them; without those whose logs don't agree, or that have grown since.</summary>
    private Dictionary<string, ReadOnlyMemory<byte>> FirstDefinitions(IDisk disk, List<LogId> logs)
    {
        var all = new List<(string Key, LogId Id, ReadOnlyMemory<byte> Definition)>();
        foreach (var id in logs)
        {
            try
            {
                var manifest = LogManifest.Read(disk, Path.Join(_folder.LogFolder(id), LogManifest.FileName), id);
                all.Add((TopicCatalog.TopicKey(manifest.Definition.TopicName), id, manifest.Definition.Definition));
            }
            catch (Exception e) when (e is DiskException or StorageException)
            {
                // Left as it is; it was said.
            }
        }

        return all.GroupBy(log => log.Key).Where(topic => Agree([.. topic.Select(log => (log.Id, log.Definition))])).ToDictionary(topic => topic.Key, topic => topic.First().Definition);
    }

    private static bool Agree(List<(LogId Id, ReadOnlyMemory<byte> Definition)> logs) =>
        logs.TrueForAll(log => log.Id.TopicId == logs[0].Id.TopicId && log.Definition.Span.SequenceEqual(logs[0].Definition.Span)) && PartitionsOf(logs[0].Definition) == logs.Count;

    private static int? PartitionsOf(ReadOnlyMemory<byte> definition)
    {
        try
        {
            return TopicDocument.FromJson(definition.Span).Settings.Partitions;
        }
        catch (StateFormatException)
        {
            return null;
        }
    }
}

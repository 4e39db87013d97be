using System.Text;
using System.Text.Json;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Repair;

/// <summary>
/// Mends a data folder that no broker uses. Every file is copied beside the folder before it is changed; a repair that is cut off anywhere is completed by the next; one that was
/// completed finds nothing to do.
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

    /// <param name="directory">The data folder.</param>
    /// <param name="copies">Where files are copied to before they are changed; null: beside the folder, with the time in its name.</param>
    /// <param name="now">The time for that name.</param>
    /// <param name="disk">Default: this machine's.</param>
    /// <exception cref="DataFolderException">It is no data folder, in use, or of a newer version.</exception>
    public static FolderRepair Open(string directory, string? copies, DateTimeOffset now, IDisk? disk = null)
    {
        disk ??= LocalDisk.ForThisMachine();
        var folder = new DataFolder(disk, directory);
        if (!disk.Exists(folder.Logs) && !disk.Exists(folder.Documents))
            throw new DataFolderException($"{folder.Root} is not a data folder.");
        if (disk.Exists(folder.Making))
            throw new DataFolderException($"{folder.Root} is a shared folder; those are not repaired yet.");
        return new FolderRepair(disk, folder, copies is null ? RepairCopies.Beside(disk, folder.Root, now) : Path.GetFullPath(copies));
    }

    /// <param name="acceptLoss">Whether what can't be mended otherwise is given up. Without it that is only said.</param>
    /// <param name="cancel">Between two logs.</param>
    /// <exception cref="DataFolderException">The folder is of a newer version.</exception>
    public RepairReport Run(bool acceptLoss, CancellationToken cancel = default)
    {
        var report = new RepairReport();
        var context = new RepairContext(_disk, _folder, _copies, report, acceptLoss);
        MendFormat(context);
        var logs = LogInspector.LogsIn(_disk, _folder).ToList();
        foreach (var id in logs)
        {
            cancel.ThrowIfCancellationRequested();
            Guarded(report, _folder.LogFolder(id), () => new LogRepair(context, id).Run());
        }

        foreach (var shard in _disk.ListOrEmpty(_folder.Documents))
            Guarded(report, Path.Join(_folder.Documents, shard.Name), () => new ShardRepair(context, shard.Name, topic => FirstDefinition(logs, topic)).Run());
        report.Copies = _copies.Folder;
        return report;
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>What goes wrong with one keeps no other from being mended.</summary>
    private static void Guarded(RepairReport report, string path, Action repair)
    {
        try
        {
            repair();
        }
        catch (Exception e) when (e is DiskException or StorageException)
        {
            report.Leave(path, e.Message);
        }
    }

    /// <summary>The line that both versions' readers of this program read; a number that is there is believed.</summary>
    private void MendFormat(RepairContext context)
    {
        var there = _disk.Exists(_folder.Format) ? Encoding.UTF8.GetString(_disk.ReadWhole(_folder.Format)).TrimEnd('\n', '\r') : "";
        if (!DataFolder.IsFormat(there))
        {
            context.Copies.Keep(_folder.Format);
            _folder.Raise();
            context.Report.Did(_folder.Format, "the line that says the folder's version did not read back and was written anew");
        }

        _folder.CheckFormat();
    }

    /// <summary>A topic's document as its logs repeat it; null where they don't agree, or the topic has grown since.</summary>
    private ReadOnlyMemory<byte>? FirstDefinition(List<LogId> logs, string topic)
    {
        var mine = new List<(LogId Id, ReadOnlyMemory<byte> Definition)>();
        foreach (var id in logs)
        {
            try
            {
                var manifest = LogManifest.Read(_disk, Path.Join(_folder.LogFolder(id), LogManifest.FileName), id);
                if (manifest.Definition.TopicName == topic)
                    mine.Add((id, manifest.Definition.Definition));
            }
            catch (Exception e) when (e is DiskException or StorageException)
            {
                // Left as it is; it was said.
            }
        }

        return mine.Count > 0 && mine.TrueForAll(log => log.Id.TopicId == mine[0].Id.TopicId && log.Definition.Span.SequenceEqual(mine[0].Definition.Span)) && PartitionsOf(mine[0].Definition) == mine.Count
            ? mine[0].Definition
            : null;
    }

    private static int? PartitionsOf(ReadOnlyMemory<byte> definition)
    {
        try
        {
            using var json = JsonDocument.Parse(definition);
            return json.RootElement.GetProperty("settings").TryGetProperty("partitions", out var partitions) ? partitions.GetInt32() : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}

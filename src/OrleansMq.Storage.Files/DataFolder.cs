using System.Globalization;
using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files;

/// <summary>
/// The folder and who may use it.
/// <code>
/// DIR/format                              "orleansmq data 1"
/// DIR/lock                                held by the process that uses the folder
/// DIR/documents/SHARD/floor, *.doc
/// DIR/logs/TOPIC ID/PARTITION/manifest, snapshot-POSITION, POSITION.seg
/// DIR/deleted/                            logs on their way out
/// </code>
/// </summary>
internal sealed class DataFolder(IDisk disk, string root)
{
    private const string FormatName = "orleansmq data ";
    private const int FormatVersion = 1;

    public string Root { get; } = Path.GetFullPath(root);

    public string Format => Path.Join(Root, "format");

    public string Documents => Path.Join(Root, "documents");

    public string Logs => Path.Join(Root, "logs");

    public string Deleted => Path.Join(Root, "deleted");

    public string TopicFolder(Guid topicId) => Path.Join(Logs, topicId.ToString("N"));

    public string LogFolder(LogId id) => Path.Join(TopicFolder(id.TopicId), id.Partition.ToString(CultureInfo.InvariantCulture));

    public IDisposable LockAlone() => Hold(shared: false);

    /// <summary>For reading while no one writes.</summary>
    public IDisposable LockShared() => Hold(shared: true);

    /// <summary>Makes what is missing. The format comes first, so that a folder with content and no format is not a new one.</summary>
    public void Prepare()
    {
        if (!disk.Exists(Format))
        {
            if (disk.Exists(Logs) || disk.Exists(Documents))
                throw new DataFolderException($"{Format} is missing, but the folder holds data. Put back the file with the line \"{FormatName}{FormatVersion}\" if the data is of this version.");
            disk.Replace(Format, Encoding.UTF8.GetBytes($"{FormatName}{FormatVersion}\n"));
        }
        CheckFormat();
        foreach (var folder in new[] { Documents, Logs, Deleted })
            disk.MakeDirectoryDurably(folder);
    }

    /// <exception cref="DataFolderException">The folder's format is not one that this program reads.</exception>
    public void CheckFormat()
    {
        var text = Encoding.UTF8.GetString(disk.ReadWhole(Format)).TrimEnd('\n', '\r');
        if (!text.StartsWith(FormatName, StringComparison.Ordinal) || !int.TryParse(text[FormatName.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var version))
            throw new DataFolderException($"{Format} says \"{text}\", which is no format of ours.");
        if (version > FormatVersion)
            throw new DataFolderException($"{Format} says version {version}; this program reads up to {FormatVersion}. Use the newer program.");
    }

    private IDisposable Hold(bool shared)
    {
        try
        {
            return disk.Lock(Path.Join(Root, "lock"), shared);
        }
        catch (DiskException e) when (e.Error == DiskError.Locked)
        {
            throw new DataFolderException($"The data folder {Root} is in use by another process. Stop it, or give this one a folder of its own.", e);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            throw new DataFolderException($"{Root} is not a data folder.", e);
        }
    }
}

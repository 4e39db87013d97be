using System.Globalization;
using System.Text;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files;

/// <summary>
/// The folder and who may use it.
/// <code>
/// DIR/format                              "orleansmq data 4"
/// DIR/lock                                held by the process that uses the folder
/// DIR/documents/SHARD.docs
/// DIR/logs/TOPIC ID/PARTITION/manifest, snapshot-POSITION, POSITION.seg
/// DIR/deleted/                            logs on their way out
/// DIR/journal/NUMBER-SALT.jnl             changes that are durable here first
/// DIR/repairing                           while mq doctor --repair changes something
/// </code>
/// </summary>
/// <param name="shared">Whether several processes use it at once: another layout, and no lock (<c>SharedFileStorage</c>).</param>
internal sealed class DataFolder(IDisk disk, string root, bool shared = false)
{
    private const string AloneFormat = "orleansmq data ";
    private const string SharedFormat = "orleansmq shared ";
    private const int FirstVersion = 1;

    /// <summary>Segments may be rewritten and have gaps, which releases that read up to 1 take for damage.</summary>
    private const int RewrittenVersion = 2;

    /// <summary>Documents lie in one file a shard. Version 3 had a journal.</summary>
    private const int DocumentsVersion = 4;

    private readonly Lock _raising = new();
    private int _version;

    private int NewestVersion => shared ? RewrittenVersion : DocumentsVersion;

    /// <summary>Of a new folder.</summary>
    private string FirstLine => $"{FormatName}{(shared ? FirstVersion : DocumentsVersion)}";

    private string FormatName => shared ? SharedFormat : AloneFormat;

    public string Root { get; } = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));

    public string Format => Path.Join(Root, "format");

    public string Documents => Path.Join(Root, "documents");

    public string Logs => Path.Join(Root, "logs");

    public string Deleted => Path.Join(Root, "deleted");

    /// <summary>A repair changes something, or was cut off while it did.</summary>
    public string Repairing => Path.Join(Root, "repairing");

    public string Journal => Path.Join(Root, "journal");

    /// <summary>Shared folders: what is being made, until one rename puts it in its place.</summary>
    public string Making => Path.Join(Root, "making");

    public string TopicFolder(Guid topicId) => Path.Join(Logs, topicId.ToString("N"));

    public string LogFolder(LogId id) => Path.Join(TopicFolder(id.TopicId), id.Partition.ToString(CultureInfo.InvariantCulture));

    public IDisposable LockAlone() => Hold(forReading: false);

    /// <summary>For reading while no one writes.</summary>
    public IDisposable LockShared() => Hold(forReading: true);

    /// <summary>Makes what is missing. The format comes first, so that a folder with content and no format is not a new one.</summary>
    public void Prepare()
    {
        if (disk.Exists(Repairing))
            throw new DataFolderException($"A repair of {Root} was cut off, and half of it may be there. Run mq doctor --repair with the same switches again, to its end, before a broker uses it.");
        if (!disk.Exists(Format))
        {
            if (disk.Exists(Logs) || disk.Exists(Documents))
                throw new DataFolderException($"{Format} is missing, but the folder holds data. Put back the file with the line \"{FirstLine}\" if the data is of this version.");
            WriteFormat();
        }
        CheckFormat();
        if (!shared)
            Raise(DocumentsVersion, 0);
        foreach (var folder in shared ? new[] { Documents, Logs, Deleted, Making } : [Documents, Logs, Deleted])
            disk.MakeDirectoryDurably(folder);
    }

    /// <exception cref="DataFolderException">The folder's format is not one that this program reads.</exception>
    public void CheckFormat()
    {
        var text = Encoding.UTF8.GetString(disk.ReadWhole(Format)).TrimEnd('\n', '\r');
        if (text.StartsWith(shared ? AloneFormat : SharedFormat, StringComparison.Ordinal))
            throw new DataFolderException($"{Format} says \"{text}\": the folder is {(shared ? "one machine's own (--storage files)" : "shared by several (--storage shared)")}, and was opened as {(shared ? "shared" : "one machine's own")}.");
        if (!text.StartsWith(FormatName, StringComparison.Ordinal) || !int.TryParse(text[FormatName.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version < FirstVersion)
            throw new DataFolderException($"{Format} says \"{text}\", which is no format of ours.");
        if (version > NewestVersion)
            throw new DataFolderException($"{Format} says version {version}; this program reads up to {NewestVersion}. Use the newer program.");
        _version = version;
    }

    /// <summary>Whether it is a line that some program wrote into <see cref="Format"/>, of whatever version.</summary>
    public static bool IsFormat(string line) => Array.Exists([AloneFormat, SharedFormat], name =>
        line.StartsWith(name, StringComparison.Ordinal) && int.TryParse(line[name.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out _));

    /// <summary>Whether there may be rewritten segments, as far as <see cref="CheckFormat"/> saw.</summary>
    public bool IsRaised => _version >= RewrittenVersion;

    /// <summary>Says that there may be all that this version writes, rewritten segments among it, durably, before there is any.</summary>
    /// <param name="unique">Of a shared folder: names what is made, so that several may do it at once.</param>
    public void Raise(ulong unique = 0) => Raise(NewestVersion, unique);

    private void Raise(int version, ulong unique)
    {
        lock (_raising)
        {
            if (_version >= version)
                return;
            var line = Encoding.UTF8.GetBytes($"{FormatName}{version}\n");
            if (shared)
                PutInPlace(Path.Join(Making, unique.ToString("x16", CultureInfo.InvariantCulture)), line);
            else
                disk.Replace(Format, line);
            _version = version;
        }
    }

    private void PutInPlace(string made, byte[] line)
    {
        using (var file = disk.Open(made, DiskOpenMode.Create))
        {
            file.Write(line, 0);
            file.Flush();
        }
        disk.Rename(made, Format);
        disk.FlushNames(Root);
    }

    /// <summary>Of several processes that begin a shared folder at once, the others' line is as good.</summary>
    private void WriteFormat()
    {
        try
        {
            disk.Replace(Format, Encoding.UTF8.GetBytes(FirstLine + "\n"));
        }
        catch (DiskException e) when (shared && e.Error == DiskError.Missing && disk.Exists(Format))
        {
        }
    }

    private IDisposable Hold(bool forReading)
    {
        try
        {
            return disk.Lock(Path.Join(Root, "lock"), forReading);
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

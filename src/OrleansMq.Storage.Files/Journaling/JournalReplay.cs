using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>Applies records to the files. Nothing is flushed.</summary>
internal sealed class JournalReplay(IDisk disk, string root)
{
    // What a record speaks of and is not there: a later record must say that it was removed.
    private readonly HashSet<string> _missing = [];

    /// <exception cref="LogDamagedException">A file is missing that no record removes.</exception>
    public void Apply(IEnumerable<JournalRecord> records)
    {
        using var open = new OpenOne(disk);
        foreach (var record in records)
            Apply(record, open);
        if (_missing.Count > 0)
            throw new LogDamagedException($"{Path.Join(root, _missing.First())} is missing, and the journal has changes of it. Restore the data folder from a copy.");
    }

    private void Apply(JournalRecord record, OpenOne open)
    {
        var path = Path.Join(root, record.Path);
        if (record.Kind != JournalKind.Write)
            open.Close();
        try
        {
            switch (record.Kind)
            {
                case JournalKind.Create:
                    CreateIfMissing(path);
                    break;
                case JournalKind.MakeDirectory:
                    disk.MakeDirectory(path);
                    break;
                case JournalKind.Write:
                    open.Of(path).Write(record.Content.Span, record.Offset);
                    break;
                case JournalKind.Put:
                    Put(path, record.Content);
                    break;
                case JournalKind.Remove:
                    Remove(path);
                    _missing.RemoveWhere(missing => missing == record.Path || missing.StartsWith(record.Path + "/", StringComparison.Ordinal));
                    break;
                case JournalKind.Shorten:
                    Shorten(path, record.Offset);
                    break;
            }
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            _missing.Add(record.Path);
        }
    }

    private void CreateIfMissing(string path)
    {
        if (disk.List(Path.GetDirectoryName(path)!).All(entry => entry.Name != Path.GetFileName(path)))
            disk.Open(path, DiskOpenMode.Create).Dispose();
    }

    /// <summary>
    /// Where it is so already, as far as the page cache says, the same bytes are written over: a flush of them may have failed, and a full disk has no room for a second file.
    /// </summary>
    private void Put(string path, ReadOnlyMemory<byte> content)
    {
        if (disk.Exists(path) && disk.ReadWhole(path).AsSpan().SequenceEqual(content.Span))
        {
            using var same = disk.Open(path, DiskOpenMode.ReadWrite);
            same.Write(content.Span, 0);
            return;
        }
        var temporary = path + Durably.TemporaryEnding;
        using (var file = disk.Open(temporary, DiskOpenMode.Create))
            file.Write(content.Span, 0);
        disk.Rename(temporary, path);
    }

    private void Remove(string path)
    {
        var found = disk.ListOrEmpty(Path.GetDirectoryName(path)!).Where(entry => entry.Name == Path.GetFileName(path)).ToList();
        if (found.Count == 0)
            return;
        if (found[0].IsDirectory)
            disk.RemoveTree(path);
        else
            disk.Remove(path);
    }

    private void Shorten(string path, long length)
    {
        using var file = disk.Open(path, DiskOpenMode.ReadWrite);
        if (file.Length > length)
            file.SetLength(length);
    }

    /// <summary>The file of the last write: many follow one another in one file.</summary>
    private sealed class OpenOne(IDisk disk) : IDisposable
    {
        private string? _path;
        private IDiskFile? _file;

        public IDiskFile Of(string path)
        {
            if (_path == path)
                return _file!;
            Close();
            _file = disk.Open(path, DiskOpenMode.ReadWrite);
            _path = path;
            return _file;
        }

        public void Close()
        {
            _file?.Dispose();
            (_file, _path) = (null, null);
        }

        public void Dispose() => Close();
    }
}

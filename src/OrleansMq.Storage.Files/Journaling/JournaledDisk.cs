using System.Globalization;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// A disk on which small changes are made durable by a <see cref="Journal"/>, all together, and large ones where they lie. It keeps the promises of the disk below;
/// what a directory or file flush would have to wait for is in the journal instead.
/// </summary>
/// <remarks>
/// Beside the journal nothing is done to a path that its records would undo when they are applied again: what must be done there
/// goes through the journal as well, or waits until the journal speaks of it no more.
/// </remarks>
internal sealed class JournaledDisk(IDisk disk, string root, Journal journal, JournalSharing sharing) : IDisk, IDisposable
{
    private readonly DirectoryNames _names = new();

    /// <summary>
    /// Applies what a journal from before holds, whether or not there is to be one now.
    /// </summary>
    /// <returns>Null if there is none: it is not wanted, or has no room.</returns>
    public static JournaledDisk? Take(IDisk disk, DataFolder folder, FileStorageOptions options, IIoScheduler io, int helpers, Action<StorageNotice> notify)
    {
        var image = JournalImage.Read(disk, folder.Journal);
        if (!options.Journal && image.LastFile == 0)
            return null;
        var journal = new Journal(disk, folder.Root, new JournalFiles(disk, folder.Journal, options.JournalBytes, options.DrawIncarnation), io, helpers);
        if (image.Records.Count > 0)
            JournalImage.MakeCertain(disk, folder.Journal);
        journal.Apply(image);
        if (image.Records.Count > 0)
            notify(new StorageNotice(folder.Journal, $"{image.Records.Count} changes were applied."));
        if (options.Journal && HasRoom(journal, image, folder, notify))
            return new JournaledDisk(disk, folder.Root, journal, new JournalSharing(options.JournalShareBytes, options.JournalWhenAlone));
        PutAway(disk, folder, options.DrawIncarnation());
        return null;
    }

    /// <summary>With one rename: half of a journal would be taken for one that is damaged.</summary>
    private static void PutAway(IDisk disk, DataFolder folder, ulong unique)
    {
        if (!disk.Exists(folder.Journal))
            return;
        disk.Rename(folder.Journal, Path.Join(folder.Deleted, string.Create(CultureInfo.InvariantCulture, $"journal-{unique:x16}")));
        disk.FlushNames(folder.Root);
        disk.FlushNames(folder.Deleted);
    }

    public IDiskFile Open(string path, DiskOpenMode mode)
    {
        if (!IsInside(path, out var relative) || mode == DiskOpenMode.Read)
            return disk.Open(path, mode);
        if (mode == DiskOpenMode.ReadWrite)
            return Wrap(disk.Open(path, mode), path, relative);
        SettleBeforeMaking(relative);
        RemoveIfThere(path);
        var made = disk.Open(path, mode);
        journal.Add(JournalKind.Create, relative);
        return Wrap(made, path, relative);
    }

    public void Rename(string from, string to)
    {
        var (source, target) = (Relative(from), Relative(to));
        if (journal.Locked(live => live.AnyIn(source) || live.Find(source)?.IsDirectory == true))
        {
            journal.CommitThen(JournalKind.Remove, source, 0, [], () => disk.Rename(from, to));
            _names.Changed(target);
            return;
        }
        if (journal.Locked(live => live.Find(source) is not null || live.Find(target) is not null || live.IsRemoved(target)))
            journal.SettleAll();
        disk.Rename(from, to);
        _names.Changed(source);
        _names.Changed(target);
    }

    public void Remove(string path)
    {
        var relative = Relative(path);
        if (journal.Locked(live => live.Find(relative) is not null))
        {
            journal.CommitThen(JournalKind.Remove, relative, 0, [], () => disk.Remove(path));
            return;
        }
        disk.Remove(path);
        _names.Changed(relative);
    }

    public bool MakeDirectory(string path)
    {
        if (!IsInside(path, out var relative))
            return disk.MakeDirectory(path);
        if (journal.Locked(live => live.IsRemoved(relative)))
            journal.SettleAll();
        if (!disk.MakeDirectory(path))
            return false;
        journal.Add(JournalKind.MakeDirectory, relative);
        _names.Made(relative);
        return true;
    }

    /// <summary>If the journal speaks of it: to make it again is no harm, it is empty.</summary>
    public void RemoveDirectory(string path)
    {
        disk.RemoveDirectory(path);
        _names.Changed(Relative(path));
    }

    public void FlushDirectory(string path)
    {
        if (!IsInside(path, out var relative))
        {
            disk.FlushDirectory(path);
            return;
        }
        journal.ThrowIfLost();
        if (_names.IsUncertain(relative, out var change))
        {
            FlushReally(path, relative);
            _names.Flushed(relative, change);
        }
        journal.Commit(journal.Locked(live => live.LastNameIn(relative)));
    }

    public IReadOnlyList<DiskEntry> List(string path) => disk.List(path);

    public IDisposable Lock(string path, bool shared) => disk.Lock(path, shared);

    public void Replace(string path, params ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        var relative = Relative(path);
        var length = 0L;
        foreach (var piece in pieces)
            length += piece.Length;
        if (length <= sharing.Bytes)
            Put(path, relative, pieces);
        else
            ReplaceReally(path, relative, pieces);
    }

    public void Dispose() => journal.Dispose();

    /// <summary>Makes the names of a file that was flushed itself durable in their directories, as far as only the journal has them.</summary>
    internal void FlushNamesOf(string path, string relative)
    {
        if (!journal.Locked(live => live.Find(relative) is { Made: > 0, NameIsFlushed: false }))
            return;
        var parent = LivePaths.ParentOf(relative);
        FlushReally(Path.GetDirectoryName(path)!, parent);
        journal.Locked(live => live.Find(relative) is { } made && (made.NameIsFlushed = true));
    }

    private static bool HasRoom(Journal journal, JournalImage image, DataFolder folder, Action<StorageNotice> notify)
    {
        try
        {
            folder.RaiseForJournal();
            journal.Start(image);
            return true;
        }
        catch (DiskException e) when (e.IsRefusal)
        {
            notify(new StorageNotice(folder.Journal, $"There is no room for the journal: {e.Message}. It goes on without."));
            return false;
        }
    }

    private void Put(string path, string relative, ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        var temporary = path + Durably.TemporaryEnding;
        try
        {
            using (var file = disk.Open(temporary, DiskOpenMode.Create))
                Durably.WritePieces(file, pieces);
            journal.CommitThen(JournalKind.Put, relative, 0, pieces, () => disk.Rename(temporary, path));
        }
        catch (DiskException)
        {
            disk.RemoveIfPossible(temporary);
            throw;
        }
    }

    private void ReplaceReally(string path, string relative, ReadOnlySpan<ReadOnlyMemory<byte>> pieces)
    {
        if (journal.Locked(live => live.Find(relative) is not null || live.IsRemoved(relative)))
            journal.SettleAll();
        FlushDirectoriesAbove(LivePaths.ParentOf(relative));
        _names.Changed(relative);
        disk.Replace(path, pieces);
    }

    /// <summary>What a record removes must not be made again while it may be applied; and to make a file leaves what is in it.</summary>
    private void SettleBeforeMaking(string relative)
    {
        if (journal.Locked(live => live.Find(relative) is not null || live.IsRemoved(relative)))
            journal.SettleAll();
    }

    private void RemoveIfThere(string path)
    {
        try
        {
            disk.Open(path, DiskOpenMode.Read).Dispose();
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            return;
        }
        disk.Remove(path);
        _names.Changed(Relative(path));
        disk.FlushNames(Path.GetDirectoryName(path)!);
    }

    private void FlushReally(string path, string relative)
    {
        FlushDirectoriesAbove(relative);
        disk.FlushDirectory(path);
    }

    private void FlushDirectoriesAbove(string relative)
    {
        for (var at = relative; at.Length > 0; at = LivePaths.ParentOf(at))
        {
            if (!journal.Locked(live => live.Find(at) is { Made: > 0, NameIsFlushed: false }))
                return;
            disk.FlushDirectory(Path.Join(root, LivePaths.ParentOf(at)));
            journal.Locked(live => live.Find(at) is { } made && (made.NameIsFlushed = true));
        }
    }

    private JournaledFile Wrap(IDiskFile file, string path, string relative) => new(file, this, journal, path, relative, sharing);

    private string Relative(string path) => IsInside(path, out var relative) ? relative : throw new ArgumentException($"{path} does not lie in {root}.", nameof(path));

    private bool IsInside(string path, out string relative)
    {
        relative = path.Length > root.Length + 1 && path.StartsWith(root, StringComparison.Ordinal) && path[root.Length] == Path.DirectorySeparatorChar
            ? path[(root.Length + 1)..].Replace(Path.DirectorySeparatorChar, '/')
            : "";
        return relative.Length > 0;
    }
}

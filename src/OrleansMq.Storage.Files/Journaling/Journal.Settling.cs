using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>How what the journal speaks of comes into the files themselves.</summary>
internal sealed partial class Journal
{
    /// <summary>Flushes everything that the journal speaks of into the files, so that it speaks of nothing any more.</summary>
    public void SettleAll()
    {
        Commit(Volatile.Read(ref _added));
        Leading(SettleCommitted);
    }

    private void SettleCommitted()
    {
        var upTo = Volatile.Read(ref _committed);
        if (upTo <= _settled)
            return;
        FinishBackground();
        Begin(upTo).Finish();
        ThrowIfLost();
        try
        {
            files.WriteSettled(upTo);
        }
        catch
        {
            Break(upTo);
            throw;
        }
        Settle(upTo);
    }

    /// <summary>After a failure: what the journal spoke of is flushed where it lies, and new files take the place of those that can't be trusted.</summary>
    private void Renew()
    {
        try
        {
            FinishBackground();
            Begin(_failedTo).Finish();
            ThrowIfLost();
            files.Renew(_failedTo, 0, 0);
        }
        catch
        {
            lock (_gate)
            {
                _pending.ResetWrittenCount();
                _failedTo = _added;
                _failures++;
            }
            throw;
        }
        lock (_gate)
        {
            _committed = Math.Max(_committed, _failedTo);
            SettleNow(_failedTo);
            _settling = default;
            _isBroken = false;
        }
    }

    /// <summary>Goes on in the other file, and begins to settle what the one that is full holds. That one says what is settled: the other may have been the only one that did.</summary>
    private void MakeRoom()
    {
        var upTo = files.LastRecordOfOther;
        if (upTo > _settled && !(FinishBackground() >= upTo))
            Begin(upTo).Finish();
        ThrowIfLost();
        var settled = Math.Max(upTo, _settled);
        files.WriteSettled(settled);
        Settle(settled);
        FinishBackground();
        var full = files.LastRecord;
        files.Switch();
        SettleInBackground(Begin(full));
    }

    /// <summary>Helps what runs in the background to its end, so that no two flush one file: the one might be told of a failure, and the other not.</summary>
    /// <returns>Up to where it settled; null if there is none, or it failed.</returns>
    private long? FinishBackground()
    {
        if (_background is not { } running)
            return null;
        _background = null;
        try
        {
            running.Finish();
            return running.UpTo;
        }
        catch (DiskException)
        {
            return null;
        }
    }

    private void SettleInBackground(Checkpoint checkpoint)
    {
        _background = checkpoint;
        for (var i = 1; i < helpers; i++)
            _ = io.Run(checkpoint.Help);
        _ = io.Run(() =>
        {
            try
            {
                checkpoint.Finish();
            }
            catch (DiskException)
            {
                // It is tried again by whoever needs the room, and fails there for all to see.
                return;
            }
            lock (_gate)
                if (checkpoint.UpTo > _settled && checkpoint.UpTo > _settling.UpTo && !_closed && !_isBroken && _lost is null)
                    _settling = (AddNow(JournalKind.Settled, "", checkpoint.UpTo, []), checkpoint.UpTo);
        });
    }

    /// <summary>Waits until what was committed up to a record is done, too, and tells what has to be flushed for it.</summary>
    private Checkpoint Begin(long upTo)
    {
        lock (_gate)
        {
            while (_executing.Count > 0 && _executing.Min <= upTo)
                Monitor.Wait(_gate);
            return new Checkpoint(upTo, [
                .. _live.FilesUpTo(upTo).Select(path => (Action)(() => FlushFile(path))),
                .. _live.Directories().Select(path => (Action)(() => FlushDirectory(path)))]);
        }
    }

    private void FlushFile(string path)
    {
        IDiskFile file;
        try
        {
            file = disk.Open(FullPath(path), DiskOpenMode.ReadWrite);
        }
        catch (DiskException e) when (e.Error == DiskError.Missing)
        {
            // It was removed since.
            return;
        }
        using (file)
        {
            try
            {
                file.Flush();
            }
            catch (DiskException e)
            {
                Lose(e);
                throw;
            }
        }
    }

    /// <summary>Where it was removed since, its own name is what has to be durable.</summary>
    private void FlushDirectory(string path)
    {
        for (var at = path; ; at = LivePaths.ParentOf(at))
        {
            try
            {
                disk.FlushDirectory(FullPath(at));
                return;
            }
            catch (DiskException e) when (e.Error == DiskError.Missing && at.Length > 0)
            {
            }
        }
    }

    private string FullPath(string path) => path.Length == 0 ? root : Path.Join(root, path);

    private void Settle(long upTo)
    {
        lock (_gate)
            SettleNow(upTo);
    }

    private void SettleNow(long upTo)
    {
        _settled = Math.Max(_settled, upTo);
        _live.Settle(upTo);
    }
}

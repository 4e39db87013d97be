using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.Files.Shared;

/// <summary>One opening's hold on a log's manifest: what it says, and whether this opening may still say so.</summary>
internal sealed class Ownership(SharedCell cell, CellName name, SharedManifest manifest)
{
    // Guards changes; who only asks needs no lock.
    private readonly Lock _changing = new();
    private volatile CellName _held = name;

    // While a change is under way, the manifest may have this name already.
    private volatile CellName? _becoming;
    private volatile SharedManifest _manifest = manifest;

    public SharedManifest Manifest => _manifest;

    /// <summary>Takes a log for the next epoch; whoever had it can change nothing more from here on.</summary>
    /// <returns>Null if there is no such log.</returns>
    public static Ownership? Take(SharedCell cell, LogId id)
    {
        while (cell.Read() is var (seen, bytes))
        {
            var manifest = SharedManifest.Decode(bytes, cell.Folder, id);
            manifest = manifest with { Epoch = manifest.Epoch + 1 };
            var next = cell.Next(seen);
            if (cell.Replace(seen, next, manifest.Encode()))
                return new Ownership(cell, next, manifest);
        }
        return null;
    }

    /// <summary>Replaces the manifest, durably.</summary>
    /// <exception cref="LogFencedException">Another opening took over, or the log was deleted.</exception>
    public void Change(Func<SharedManifest, SharedManifest> change)
    {
        lock (_changing)
        {
            var changed = change(_manifest);
            var next = cell.Next(_held);
            _becoming = next;
            if (!cell.Replace(_held, next, changed.Encode()))
                throw Lost();
            _held = next;
            _manifest = changed;
            _becoming = null;
        }
    }

    /// <summary>Asked after each append and each flush, before what it covers is told to anyone: a later opener read the files after it took over, so it has seen them.</summary>
    /// <exception cref="LogFencedException">Another opening took over, or the log was deleted.</exception>
    public void Confirm()
    {
        while (true)
        {
            var (held, becoming) = (_held, _becoming);
            if (cell.IsCurrent(held) || (becoming is not null && cell.IsCurrent(becoming)))
                return;
            // A change of our own that came between the two looks is no loss.
            if (held == _held && becoming == _becoming)
                throw Lost();
        }
    }

    private LogFencedException Lost() => new($"Log {cell.Folder}: another opening took over from epoch {_manifest.Epoch}, or the log was deleted.");
}

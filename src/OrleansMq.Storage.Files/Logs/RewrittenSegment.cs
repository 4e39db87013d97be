using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.Files.Disk;
using OrleansMq.Storage.Files.Formats;

namespace OrleansMq.Storage.Files.Logs;

/// <summary>A file that is to take the place of some segments: written, sealed, and placed by its log, or removed again.</summary>
/// <remarks>Locks are taken in the order upkeep's, then its own, as whoever ends the opening does.</remarks>
internal abstract class RewrittenSegment(IDisk disk, string made, LogIdentity identity, int epoch, long from, Lock upkeep) : ILogRewriting
{
    private readonly Lock _gate = new();
    private IDiskFile? _file;
    private long _end = from;
    private bool _sealed;

    public long From { get; } = from;

    public long To { get; private set; }

    /// <summary>Placed, failed or abandoned.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The file's name until it is placed.</summary>
    protected string Made { get; } = made;

    protected abstract ValueTask Run(Action job);

    protected abstract void ThrowIfOver();

    /// <summary>The content is durable, its name not yet.</summary>
    protected virtual void Sealed()
    {
    }

    /// <summary>With both locks.</summary>
    protected abstract void PlaceNow(long storedEnd);

    /// <returns>What to refuse with; the segments are as they were.</returns>
    protected abstract LogFullException Failed(DiskException error);

    /// <summary>Whether nothing can name the file: then it goes when it is abandoned.</summary>
    protected virtual bool IsNobodys => true;

    public ValueTask Write(ReadOnlyMemory<byte> frames) => Do(() =>
    {
        _file ??= disk.Open(Made, DiskOpenMode.Create);
        var offset = SegmentHeader.Size + _end - From;
        // So that a full disk shows here and not at the flush.
        _file.Reserve(offset, frames.Length);
        _file.Write(frames.Span, offset);
        _end += frames.Length;
    });

    public ValueTask Seal(long to) => Do(() =>
    {
        if (_file is null || to < _end)
            throw new InvalidOperationException($"{Made}: what was written from {From} to {_end} can't end at {to}.");
        To = to;
        _file.Write(SegmentHeader.Encode(identity, From, epoch, to), 0);
        _file.Flush();
        _file.Dispose();
        _file = null;
        Sealed();
        _sealed = true;
    });

    public ValueTask Place() => Run(() =>
    {
        lock (upkeep)
        lock (_gate)
            Step(() =>
            {
                if (!_sealed)
                    throw new InvalidOperationException($"{Made}: it is not sealed.");
                PlaceNow(_end);
                IsOver = true;
            });
    });

    public ValueTask DisposeAsync() => IsOver ? default : Run(Abandon);

    public void Abandon()
    {
        lock (_gate)
        {
            if (IsOver)
                return;
            IsOver = true;
            _file?.Dispose();
            _file = null;
            if (IsNobodys)
                disk.RemoveIfPossible(Made);
        }
    }

    private void Step(Action step)
    {
        ThrowIfOver();
        if (IsOver)
            throw new LogTrimmedException($"{Made}: the rewriting is over.");
        step();
    }

    /// <summary>Nothing of the log is in the new file until it is placed: what goes wrong before is a refusal, whatever the disk called it.</summary>
    private ValueTask Do(Action step) => Run(() =>
    {
        try
        {
            lock (_gate)
                Step(step);
        }
        catch (DiskException e) when (!_sealed)
        {
            var refusal = Failed(e);
            Abandon();
            throw refusal;
        }
    });
}

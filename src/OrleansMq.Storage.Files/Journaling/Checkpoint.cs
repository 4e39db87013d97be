using System.Runtime.ExceptionServices;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Storage.Files.Journaling;

/// <summary>
/// Flushes the files and directories that a part of the journal speaks of; then that part is not needed any more. Whoever waits for it helps, so that it never
/// waits for a thread that waits for it.
/// </summary>
internal sealed class Checkpoint(long upTo, IReadOnlyList<Action> flushes)
{
    private readonly object _gate = new();
    private int _next;
    private int _done;
    private Exception? _failure;

    public long UpTo { get; } = upTo;

    /// <summary>Flushes until nothing is left to begin. What fails is known to <see cref="Finish"/>.</summary>
    public void Help()
    {
        while (Interlocked.Increment(ref _next) - 1 is var index && index < flushes.Count)
        {
            Exception? failure = null;
            try
            {
                if (Volatile.Read(ref _failure) is null)
                    flushes[index]();
            }
            catch (Exception e)
            {
                // Whoever waits for the end is told, on whatever thread it happened.
                failure = e;
            }
            lock (_gate)
            {
                _failure ??= failure;
                _done++;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <exception cref="DiskException">A flush failed: what it was for is not settled.</exception>
    public void Finish()
    {
        Help();
        lock (_gate)
        {
            while (_done < flushes.Count)
                Monitor.Wait(_gate);
            if (_failure is DiskException failed)
                throw new DiskException(failed.IsRefusal ? DiskError.Failed : failed.Error, failed.Operation, failed.Path, failed.Message);
            if (_failure is { } other)
                ExceptionDispatchInfo.Throw(other);
        }
    }
}

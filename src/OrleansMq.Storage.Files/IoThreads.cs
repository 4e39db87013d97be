namespace OrleansMq.Storage.Files;

/// <summary>
/// A fixed number of threads for calls that block. They are started when needed and kept; a flush takes 0.1-5 ms, and the thread
/// pool would answer blocked threads by adding more, slowly.
/// </summary>
/// <remarks>The queue has no bound of its own: each log has at most one append, one flush and its readers in it.</remarks>
public sealed class IoThreads(int count) : IIoScheduler, IDisposable
{
    private readonly Queue<Job> _jobs = new();
    private int _threads;
    private int _idle;
    private bool _closed;

    public Task Run(Action job)
    {
        var queued = new Job(job);
        lock (_jobs)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _jobs.Enqueue(queued);
            if (_idle >= _jobs.Count)
                Monitor.Pulse(_jobs);
            else if (_threads < count)
                Start();
        }
        return queued.Task;
    }

    /// <summary>What is queued still runs; nothing more is taken.</summary>
    public void Dispose()
    {
        lock (_jobs)
        {
            _closed = true;
            Monitor.PulseAll(_jobs);
        }
    }

    private void Start()
    {
        _threads++;
        new Thread(Work) { IsBackground = true, Name = $"orleansmq-io-{_threads}" }.Start();
    }

    private void Work()
    {
        while (Next() is { } job)
            job.Execute();
    }

    private Job? Next()
    {
        lock (_jobs)
        {
            Job? job;
            while (!_jobs.TryDequeue(out job) && !_closed)
            {
                _idle++;
                Monitor.Wait(_jobs);
                _idle--;
            }
            return job;
        }
    }

    /// <summary>Continuations never run on our threads: they would keep flushes waiting.</summary>
    private sealed class Job(Action action) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public void Execute()
        {
            try
            {
                action();
                SetResult();
            }
            catch (Exception e)
            {
                SetException(e);
            }
        }
    }
}

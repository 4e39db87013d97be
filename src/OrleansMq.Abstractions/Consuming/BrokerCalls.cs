using System.Diagnostics.CodeAnalysis;

namespace OrleansMq;

/// <summary>A consumer's calls to its broker: repeated with a back-off while they fail for now, and reported.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source without timer and wait handle holds nothing; who still looks at its token may do so.")]
internal sealed class BrokerCalls(Backoff backoff, TimeProvider time, Action<Exception>? onError)
{
    private readonly CancellationTokenSource _abandoned = new();
    private long _errors;

    public TimeProvider Time => time;

    /// <summary>Ends the calls that nobody waits for any more.</summary>
    public CancellationToken Abandoned => _abandoned.Token;

    public long Errors => Interlocked.Read(ref _errors);

    public void Report(Exception e)
    {
        Interlocked.Increment(ref _errors);
        onError?.Invoke(e);
    }

    /// <summary>What a handler threw.</summary>
    public void ReportHandler(Exception e) => onError?.Invoke(e);

    /// <summary>Repeats the call until it is answered, with success or with a refusal that does not get better.</summary>
    public async Task<T> Persist<T>(Func<ValueTask<T>> call, Action? onError = null)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                return await call();
            }
            catch (Exception e) when (Failure.IsRetriable(e) && !_abandoned.IsCancellationRequested)
            {
                onError?.Invoke();
                Report(e);
                await Pause(failures, e, Abandoned);
            }
        }
    }

    public Task Pause(int failures, Exception e, CancellationToken cancel)
    {
        TimeSpan delay;
        lock (backoff)
            delay = backoff.Delay(failures, Failure.RetryAfterOf(e));
        return Task.Delay(delay, time, cancel);
    }

    public void Abandon() => _abandoned.Cancel();
}

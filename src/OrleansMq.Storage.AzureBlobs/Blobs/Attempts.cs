using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.AzureBlobs.Blobs;

/// <summary>How often and how long a call is tried.</summary>
internal sealed record Attempts(TimeProvider Time, TimeSpan AttemptTimeout, TimeSpan RetryFor, TimeSpan RetryDelay, TimeSpan MaxRetryDelay, Func<double> Jitter)
{
    /// <summary>Begins one call.</summary>
    /// <param name="what">What is being done to which blob, for the message.</param>
    /// <param name="check">Throws where trying on is of no use, for example because the opening is over.</param>
    public Attempt Begin(string what, Action? check = null) => new(this, what, check);

    /// <summary>Tries what may be carried out any number of times.</summary>
    /// <exception cref="LogFailedException">The time is up, or the service refuses.</exception>
    public async Task<T> Repeat<T>(string what, Func<CancellationToken, Task<T>> call, Action? check = null)
    {
        var attempt = Begin(what, check);
        while (true)
        {
            try
            {
                return await attempt.Try(call);
            }
            catch (BlobFault fault) when (fault.Kind == BlobFaultKind.Unsure)
            {
                await attempt.Wait(fault);
            }
            catch (BlobFault fault) when (fault.Kind == BlobFaultKind.Refused)
            {
                throw attempt.Refused(fault);
            }
        }
    }
}

/// <summary>The attempts at one call so far.</summary>
internal sealed class Attempt(Attempts rules, string what, Action? check)
{
    private readonly long _began = rules.Time.GetTimestamp();
    private int _count;

    /// <summary>One attempt, within its time.</summary>
    public async Task<T> Try<T>(Func<CancellationToken, Task<T>> call)
    {
        _count++;
        using var timeout = new CancellationTokenSource(rules.AttemptTimeout, rules.Time);
        return await call(timeout.Token);
    }

    /// <summary>Waits before the next attempt, longer each time.</summary>
    /// <exception cref="LogFailedException">The time is up.</exception>
    public async Task Wait(BlobFault fault)
    {
        check?.Invoke();
        var spent = rules.Time.GetElapsedTime(_began);
        if (spent >= rules.RetryFor)
            throw new LogFailedException($"{what}: {fault.Message}; {_count} attempts in {spent.TotalSeconds:0.0} s. It may have come through or not.", fault);
        var delay = Math.Min(rules.RetryDelay.TotalMilliseconds * Math.Pow(2, Math.Min(_count - 1, 20)), rules.MaxRetryDelay.TotalMilliseconds);
        // Half of it by chance, so that the partitions of a silo do not all come back at once.
        await Task.Delay(TimeSpan.FromMilliseconds(delay * (0.5 + rules.Jitter() / 2)), rules.Time);
        check?.Invoke();
    }

    public LogFailedException Refused(BlobFault fault) => new($"{what}: {fault.Message}. Nothing was changed by this.", fault);
}

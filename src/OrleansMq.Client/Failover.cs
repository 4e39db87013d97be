using System.Diagnostics;

namespace OrleansMq.Client;

/// <summary>Whether a call may be made again when nobody knows whether it happened.</summary>
internal enum Repeat
{
    /// <summary>It changes nothing, or a second time changes nothing more.</summary>
    Freely = 0,

    /// <summary>Only where it certainly did not happen.</summary>
    UnlessItMayHaveHappened = 1,
}

/// <summary>Carries calls over the loss of a silo: tries them again while their grain finds its new place.</summary>
internal sealed class Failover(ClusterBrokerOptions options)
{
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(1);

    /// <param name="call">Is told whether an earlier try may have happened.</param>
    public async Task<T> Ask<T>(Func<bool, Task<T>> call, Repeat repeat, CancellationToken cancel)
    {
        var since = Stopwatch.GetTimestamp();
        var delay = options.RetryDelay;
        var mayHaveHappened = false;
        while (true)
        {
            MqException failure;
            try
            {
                cancel.ThrowIfCancellationRequested();
                return await call(mayHaveHappened).WaitAsync(cancel);
            }
            catch (Exception error) when (!cancel.IsCancellationRequested && Translate(error) is { } translated)
            {
                failure = translated;
            }

            mayHaveHappened |= failure.Code == ErrorCodes.OutcomeUnknown;
            if (mayHaveHappened && repeat == Repeat.UnlessItMayHaveHappened)
                throw Unknown(failure);
            if (Stopwatch.GetElapsedTime(since) + delay > options.RetryFor)
                throw mayHaveHappened ? Unknown(failure) : failure;
            await Task.Delay(delay, cancel);
            delay = delay * 2 > MaxDelay ? MaxDelay : delay * 2;
        }
    }

    public Task<T> Ask<T>(Func<Task<T>> call, Repeat repeat, CancellationToken cancel) => Ask(_ => call(), repeat, cancel);

    public Task Ask(Func<Task> call, Repeat repeat, CancellationToken cancel) => Ask(async _ =>
    {
        await call();
        return true;
    }, repeat, cancel);

    /// <summary>What is to be told of a call that failed after a try that nobody heard of.</summary>
    public static MqException Unknown(MqException failure) => failure.Code == ErrorCodes.OutcomeUnknown
        ? failure
        : new MqException(ErrorCodes.OutcomeUnknown, $"An earlier try may have happened. {failure.Message}", failure.RetryAfter, failure);

    /// <summary>What may be over at the next try; null: it is the caller's to see.</summary>
    private static MqException? Translate(Exception error) => error switch
    {
        MqException { Code: ErrorCodes.PartitionUnavailable or ErrorCodes.OutcomeUnknown } refused => refused,
        _ => OfTheWay(error),
    };

    /// <summary>A failure of the way to a grain and back; null: it is none.</summary>
    public static MqException? OfTheWay(Exception error) => error switch
    {
        // A cancellation that nobody here asked for is a silo's: a grain that did not get ready in time gives it to those who wait for it.
        TimeoutException or SiloUnavailableException or OperationCanceledException => new MqException(ErrorCodes.OutcomeUnknown, $"No answer came: {error.Message}", TimeSpan.FromSeconds(1), error),
        // Rejected before it was begun, or never sent.
        OrleansMessageRejectionException or Orleans.Runtime.Messaging.ConnectionFailedException =>
            new MqException(ErrorCodes.PartitionUnavailable, $"The cluster did not take the call: {error.Message}", TimeSpan.FromSeconds(1), error),
        OrleansException => new MqException(ErrorCodes.OutcomeUnknown, $"The call failed on its way: {error.Message}", TimeSpan.FromSeconds(1), error),
        ObjectDisposedException => new MqException(ErrorCodes.PartitionUnavailable, $"The connection to the cluster is closed: {error.Message}", TimeSpan.FromSeconds(1), error),
        _ => null,
    };
}

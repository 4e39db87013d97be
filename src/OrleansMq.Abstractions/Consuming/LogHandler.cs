namespace OrleansMq;

/// <summary>The application's handler of a log: called in order, and again with the same where it throws.</summary>
internal sealed class LogHandler(
    TopicName topic, GroupName group, Func<StoredMessage, CancellationToken, Task>? one, Func<IReadOnlyList<StoredMessage>, CancellationToken, Task>? many,
    int? maxAttempts, BrokerCalls calls, CancellationToken cancelHandler)
{
    private long _handled;
    private long _skipped;

    public long Handled => Interlocked.Read(ref _handled);

    public long Skipped => Interlocked.Read(ref _skipped);

    /// <param name="progress">Told of the next offset after each message, or after the batch.</param>
    /// <param name="lost">Nothing more is to be begun.</param>
    /// <returns>Whether all were handled or given up.</returns>
    public async Task<bool> Handle(List<StoredMessage> messages, Action<long> progress, CancellationToken lost)
    {
        if (many is not null)
            return messages.Count == 0 || await Try(() => MessageTracing.Handling(() => MessageTracing.StartProcess(topic, group, messages), () => many(messages, cancelHandler)), messages.Count, messages[^1].Position.Offset, progress, lost);
        foreach (var message in messages)
            if (!await Try(() => MessageTracing.Handling(() => MessageTracing.StartProcess(topic, group, message), () => one!(message, cancelHandler)), 1, message.Position.Offset, progress, lost))
                return false;
        return true;
    }

    private async Task<bool> Try(Func<Task> handle, int messages, long lastOffset, Action<long> progress, CancellationToken lost)
    {
        for (var attempts = 1; !lost.IsCancellationRequested; attempts++)
        {
            try
            {
                await handle();
                Interlocked.Add(ref _handled, messages);
                progress(lastOffset + 1);
                return true;
            }
            catch (OperationCanceledException) when (cancelHandler.IsCancellationRequested)
            {
                return false;
            }
            catch (Exception e)
            {
                calls.ReportHandler(e);
                if (attempts == maxAttempts)
                {
                    Interlocked.Add(ref _skipped, messages);
                    progress(lastOffset + 1);
                    return true;
                }

                await calls.Pause(attempts, e, lost).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
        }

        return false;
    }
}

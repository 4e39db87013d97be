namespace OrleansMq;

/// <summary>What <see cref="LedgerRebuild.Rebuild"/> did.</summary>
/// <param name="Sent">Messages that the broker has now, those it had before included.</param>
/// <param name="Duplicates">Of those, the ones that it had before.</param>
/// <param name="Refused">What it will never take.</param>
/// <param name="Unreadable">Copies that hold no message any more: mend them and rebuild again, or settle them.</param>
public sealed record RebuildReport(long Sent, long Duplicates, IReadOnlyList<RefusedMessage> Refused, IReadOnlyList<UnreadableEntry> Unreadable);

/// <summary>A topic from its copy in the ledger.</summary>
public static class LedgerRebuild
{
    /// <summary>
    /// Sends every unreconciled message of a topic again, in the order they were copied, however young: after the broker's data was lost. The topic must be there, made anew with its groups.
    /// What is copied meanwhile is sent too, as long as it comes before the end.
    /// </summary>
    /// <remarks>
    /// Calls that fail are repeated until they are answered or <paramref name="cancel"/> says enough. It may be cut off and called again: what was sent is a duplicate then. What was done but not yet
    /// settled is sent as well, and the consumer's <see cref="IInbox{TScope}"/> knows it. The ledger is only read: a <see cref="LedgerReconciler"/> sends again what is due, and the broker knows the token.
    /// </remarks>
    /// <exception cref="MqException">A refusal that does not get better by itself, such as <see cref="ErrorCodes.TopicUnknown"/>.</exception>
    public static async Task<RebuildReport> Rebuild(
        this ILedger ledger, IBroker broker, TopicName topic, LedgerReconcilerOptions? options = null, TimeProvider? time = null, CancellationToken cancel = default)
    {
        options = (options ?? new()).Checked();
        time ??= TimeProvider.System;
        var sender = new BoundedSender(broker, options.Limits, time);
        var (sent, duplicates, refused, unreadable) = (0L, 0L, new List<RefusedMessage>(), new List<UnreadableEntry>());
        for (var after = 0L; ;)
        {
            var page = await ledger.ReadUnreconciled(new() { Topic = topic, After = after, Max = options.BatchMessages }, cancel);
            unreadable.AddRange(page.Unreadable);
            List<StoredRow> left = [.. page.Entries.Select(entry => new StoredRow(entry.Id, topic, entry.Message))];
            var backoff = new Backoff(options.RetryDelay, options.MaxRetryDelay);
            for (var failures = 1; ; failures++)
            {
                var outcome = await sender.Send(topic, left, cancel);
                (sent, duplicates) = (sent + outcome.Sent.Count, duplicates + outcome.Duplicates);
                refused.AddRange(outcome.Refused.Select(row => row.Kept));
                if (outcome.Failure is not { } failure)
                    break;
                if (!Failure.IsRetriable(failure))
                    throw failure;
                options.OnFailure(failure);
                var done = outcome.Done;
                left.RemoveAll(row => done.Contains(row.Id));
                await Task.Delay(backoff.Delay(failures, Failure.RetryAfterOf(failure)), time, cancel);
            }

            if (page.Count < options.BatchMessages)
                return new(sent, duplicates, refused, unreadable);
            after = page.Last;
        }
    }
}

namespace OrleansMq;

/// <summary>A message that waits in its producer's own store.</summary>
/// <param name="Id">Its place there.</param>
internal sealed record StoredRow(long Id, TopicName Topic, Message Message)
{
    /// <summary>At most so many bytes it takes in a record batch.</summary>
    public int Bytes { get; } = Publishing.RecordBytes(Message, MessageCodec.SizeOf(Message));
}

/// <param name="BatchBytes">Of one call, at least one message.</param>
/// <param name="AnswerWithin">How long the broker may take for it.</param>
/// <param name="Client">Who sends.</param>
internal sealed record SendLimits(int BatchBytes, TimeSpan AnswerWithin, string Client);

internal readonly record struct SentRow(long Id, PublishResult Result);

/// <summary>What the broker will never take.</summary>
internal sealed record RefusedRow(StoredRow Row, MqError Error)
{
    public long Id => Row.Id;

    /// <summary>As it is kept.</summary>
    public RefusedMessage Kept => new(Row.Id, Row.Topic, Row.Message, $"{Error.Code}: {Error.Detail}");
}

/// <summary>What became of one topic's messages of a batch.</summary>
internal sealed class SendOutcome(TopicName topic)
{
    public TopicName Topic => topic;

    /// <summary>What the broker has now.</summary>
    public List<SentRow> Sent { get; } = [];

    public List<RefusedRow> Refused { get; } = [];

    /// <summary>Of what was sent, what the broker had before.</summary>
    public int Duplicates => Sent.Count(row => row.Result.Duplicate);

    /// <summary>Why the rest was not taken; null where there is no rest.</summary>
    public Exception? Failure { get; set; }

    /// <summary>What need not be sent again.</summary>
    public HashSet<long> Done => [.. Sent.Select(row => row.Id), .. Refused.Select(row => row.Id)];
}

/// <summary>Sends one topic's messages in calls of bounded size, one after the other, up to the first that fails.</summary>
internal sealed class BoundedSender(IBroker broker, SendLimits limits, TimeProvider time)
{
    public async Task<SendOutcome> Send(TopicName topic, IReadOnlyList<StoredRow> rows, CancellationToken cancel)
    {
        var outcome = new SendOutcome(topic);
        for (var from = 0; from < rows.Count && outcome.Failure is null;)
        {
            var count = Fitting(rows, from);
            await Call(topic, [.. rows.Skip(from).Take(count)], outcome, cancel);
            from += count;
        }

        return outcome;
    }

    /// <summary>A refusal of the whole call speaks of one of its messages, and nobody says of which: it goes again in halves, in order, until it is known.</summary>
    private async Task Call(TopicName topic, List<StoredRow> rows, SendOutcome outcome, CancellationToken cancel)
    {
        IReadOnlyList<PublishResult> results;
        try
        {
            results = await Publish(topic, rows, outcome, cancel);
        }
        catch (MqException refused) when (rows.Count > 1 && Refusals.IsOfTheMessage(refused.Code))
        {
            var middle = rows.Count / 2;
            await Call(topic, rows[..middle], outcome, cancel);
            if (outcome.Failure is null)
                await Call(topic, rows[middle..], outcome, cancel);
            return;
        }
        catch (MqException refused)
        {
            results = [.. rows.Select(_ => new PublishResult(default, false, refused.Error))];
        }

        for (var i = 0; i < results.Count; i++)
            Sort(outcome, rows[i], results[i]);
    }

    private int Fitting(IReadOnlyList<StoredRow> rows, int from)
    {
        var (count, bytes) = (1, (long)rows[from].Bytes);
        while (from + count < rows.Count && (bytes += rows[from + count].Bytes) <= limits.BatchBytes)
            count++;
        return count;
    }

    /// <summary>A result for each message, or none and the failure in the outcome.</summary>
    /// <exception cref="MqException">All are refused alike.</exception>
    private async Task<IReadOnlyList<PublishResult>> Publish(TopicName topic, List<StoredRow> rows, SendOutcome outcome, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(limits.AnswerWithin, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            // Durable whatever the topic says: the row is removed when this is answered.
            return await broker.Publish(topic, [.. rows.Select(row => row.Message)], new() { Acks = Acks.Durable, Wait = TimeSpan.Zero, Client = limits.Client }, both.Token);
        }
        catch (OperationCanceledException late) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            outcome.Failure = new MqException(ErrorCodes.OutcomeUnknown, $"The broker did not answer within {limits.AnswerWithin} for {rows.Count} messages to {topic}; they are sent again.", inner: late);
        }
        catch (Exception failure) when (failure is not MqException && !cancel.IsCancellationRequested)
        {
            outcome.Failure = failure;
        }

        return [];
    }

    private static void Sort(SendOutcome outcome, StoredRow row, PublishResult result)
    {
        if (result.Error is not { } error)
        {
            outcome.Sent.Add(new(row.Id, result));
        }
        else if (Refusals.IsOfTheMessage(error.Code))
        {
            outcome.Refused.Add(new(row, error));
        }
        else
        {
            outcome.Failure ??= new MqException(error);
        }
    }
}

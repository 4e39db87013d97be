namespace OrleansMq;

/// <summary>How a <see cref="Responder"/> receives and answers.</summary>
public sealed record ResponderOptions : QueueConsumerOptions
{
    /// <summary>
    /// Which topics requests may name for their replies; others' requests become dead letters. Null: all that the responder's rights reach: where requesters are trusted less than
    /// the responder, name them.
    /// </summary>
    public Func<TopicName, bool>? MayReplyTo { get; init; }

    /// <summary>Tells requesters the message of whatever the handler threw. Else only its kind, and the message where it is a <see cref="ReplyErrorException"/>.</summary>
    public bool DetailedErrors { get; init; }

    /// <summary>Topics of replies that a producer is kept for, or as many as there are workers.</summary>
    public int MaxReplyTopics { get; init; } = 100;

    /// <summary>
    /// How long a reply is sent again while the topic of replies is full or away. Then the request is refused: it comes again after the group's back-off, and is a dead letter after its
    /// last delivery. 30 s, up to <see cref="RequesterOptions.MaxTimeout"/>.
    /// </summary>
    public TimeSpan ReplyRetryFor { get; init; } = TimeSpan.FromSeconds(30);

    internal override void Check()
    {
        base.Check();
        ArgumentOutOfRangeException.ThrowIfLessThan(ReplyRetryFor, TimeSpan.FromMilliseconds(1), nameof(ReplyRetryFor));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ReplyRetryFor, RequesterOptions.MaxTimeout, nameof(ReplyRetryFor));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxReplyTopics, 1, nameof(MaxReplyTopics));
    }
}

/// <summary>What a <see cref="Responder"/> has done so far.</summary>
/// <param name="Replied">Replies stored, refusals included.</param>
/// <param name="Duplicates">Of those, the ones to requests that had theirs before.</param>
/// <param name="Refused">Requests whose handler threw.</param>
/// <param name="Unanswered">Messages that asked for no reply, or at a place that is gone.</param>
public readonly record struct ResponderStatistics(long Replied, long Duplicates, long Refused, long Unanswered, ConsumerStatistics Consumer);

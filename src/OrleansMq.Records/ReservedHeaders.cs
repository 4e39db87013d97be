namespace OrleansMq.Records;

/// <summary>Names of the record headers by which OrleansMq says what Kafka's record has no field for. Those beginning with <c>mq-</c> are ours.</summary>
public static class ReservedHeaders
{
    /// <summary>No client may use a name that begins so for anything else.</summary>
    public const string Prefix = "mq-";

    /// <summary>Idempotency token: a second message with it, within the topic's window, is a duplicate.</summary>
    public const string Token = "mq-token";
    public const string ContentType = "mq-content-type";
    public const string CorrelationId = "mq-correlation-id";

    /// <summary>Topic that an answer should go to.</summary>
    public const string ReplyTo = "mq-reply-to";

    /// <summary>What an exchange chose by.</summary>
    public const string RoutingKey = "mq-routing-key";

    /// <summary>Not to be delivered before.</summary>
    public const string DeliverAt = "mq-deliver-at";

    /// <summary>Not to be delivered once this has passed since the append.</summary>
    public const string TimeToLive = "mq-ttl";

    /// <summary>A half message: how it is checked back.</summary>
    public const string Half = "mq-half";
    public const string Priority = "mq-priority";

    /// <summary>Why the message is a dead letter.</summary>
    public const string DeadLetterReason = "mq-dead-reason";

    /// <summary>Topic, partition and offset where the dead letter was a message.</summary>
    public const string DeadLetterOrigin = "mq-dead-origin";

    /// <summary>How often it was delivered before.</summary>
    public const string DeadLetterDeliveries = "mq-dead-deliveries";

    /// <summary>When it became one.</summary>
    public const string DeadLetterAt = "mq-dead-at";

    /// <summary>How often it was redriven before.</summary>
    public const string DeadLetterRedrives = "mq-dead-redrives";

    /// <summary>W3C trace context. Not ours, so not reserved: we read it and pass it on.</summary>
    public const string TraceParent = "traceparent";

    /// <summary>
    /// Bytes of its text in version 00. The first header of the name, where it is so long, does not count towards a topic's <c>maxMessageBytes</c>: it may be added on the way.
    /// Towards <c>maxBatchBytes</c> it counts, as all bytes of a batch do: where the two limits are near each other, a message can be too large for being traced.
    /// </summary>
    public const int TraceParentLength = 55;

    public static ReadOnlySpan<byte> PrefixUtf8 => "mq-"u8;
    public static ReadOnlySpan<byte> TokenUtf8 => "mq-token"u8;
    public static ReadOnlySpan<byte> ContentTypeUtf8 => "mq-content-type"u8;
    public static ReadOnlySpan<byte> CorrelationIdUtf8 => "mq-correlation-id"u8;
    public static ReadOnlySpan<byte> ReplyToUtf8 => "mq-reply-to"u8;
    public static ReadOnlySpan<byte> RoutingKeyUtf8 => "mq-routing-key"u8;
    public static ReadOnlySpan<byte> DeliverAtUtf8 => "mq-deliver-at"u8;
    public static ReadOnlySpan<byte> TimeToLiveUtf8 => "mq-ttl"u8;
    public static ReadOnlySpan<byte> HalfUtf8 => "mq-half"u8;
    public static ReadOnlySpan<byte> PriorityUtf8 => "mq-priority"u8;
    public static ReadOnlySpan<byte> DeadLetterReasonUtf8 => "mq-dead-reason"u8;
    public static ReadOnlySpan<byte> DeadLetterOriginUtf8 => "mq-dead-origin"u8;
    public static ReadOnlySpan<byte> DeadLetterDeliveriesUtf8 => "mq-dead-deliveries"u8;
    public static ReadOnlySpan<byte> DeadLetterAtUtf8 => "mq-dead-at"u8;
    public static ReadOnlySpan<byte> DeadLetterRedrivesUtf8 => "mq-dead-redrives"u8;
    public static ReadOnlySpan<byte> TraceParentUtf8 => "traceparent"u8;

    /// <summary>Whether a header's name is one that only OrleansMq gives a meaning: case counts, as it does in Kafka.</summary>
    public static bool IsReserved(ReadOnlySpan<byte> keyUtf8) => keyUtf8.StartsWith(PrefixUtf8);
}

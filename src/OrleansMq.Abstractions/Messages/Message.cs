using System.Text;

namespace OrleansMq;

/// <summary>A message to be sent. Everything but the body is optional.</summary>
public sealed record Message
{
    /// <summary>Messages with equal keys go to one partition and keep their order. Null: no key (an empty key is a key).</summary>
    public ReadOnlyMemory<byte>? Key { get; init; }

    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>A key without a value: "this key is gone" for whoever keeps the last value. The body must be empty.</summary>
    public bool Tombstone { get; init; }

    /// <summary>For example <c>application/json</c>; null says nothing.</summary>
    public string? ContentType { get; init; }

    /// <summary>The application's headers, in order. Names that begin with <c>mq-</c> are refused.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>
    /// Idempotency token: the second message with this token is not stored; its answer is the first one's position. Remembered for the topic's
    /// window (1,000,000 a partition, 10 minutes by default). At most 256 bytes of UTF-8.
    /// </summary>
    public string? Token { get; init; }

    public string? CorrelationId { get; init; }

    public string? ReplyTo { get; init; }

    /// <summary>What an exchange chooses by, where it is not the key. At most 255 bytes of UTF-8.</summary>
    public string? RoutingKey { get; init; }

    /// <summary>Null: by key, else by token, else in turn.</summary>
    public int? Partition { get; init; }

    /// <summary>Null: the time of sending, by the sender's clock.</summary>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>
    /// Delivered not before this time, by the broker's clock; at most a year ahead. Until then the message waits under a name
    /// (<see cref="PublishResult.Scheduled"/>), can be looked at and cancelled, and has no position. A time that is over means at once.
    /// </summary>
    public DateTimeOffset? DeliverAt { get; init; }

    /// <summary>The same, counted from the append by the broker's clock. Not together with <see cref="DeliverAt"/>.</summary>
    public TimeSpan? DeliverAfter { get; init; }

    /// <summary>
    /// Not delivered by a queue-style group once this has passed since the append, by the broker's clock; what becomes of it then, the group says
    /// (<see cref="GroupSettings.WhenExpired"/>). Where the topic has one too, the shorter counts. A delayed message lives from its time of delivery on, a half one from its commit.
    /// </summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>Priorities that there are: 0 to 9, 9 the highest; JMS' and AMQP's ten.</summary>
    public const int Priorities = 10;

    /// <summary>What counts where a message says none, as in JMS and AMQP 1.0.</summary>
    public const int DefaultPriority = 4;

    /// <summary>0 to 9; a group with <see cref="GroupSettings.Priority"/> delivers higher ones first, to others it says nothing. Null: counts as <see cref="DefaultPriority"/>.</summary>
    public int? Priority { get; init; }

    /// <summary>
    /// Stores it as a half message: acknowledged, but delivered only when <see cref="IBroker.EndHalf"/> commits it. Null: an ordinary message. Not together with a
    /// time of delivery; half messages and others for one partition don't go in one request.
    /// </summary>
    public HalfTerms? Half { get; init; }

    public static Message OfText(string body, string? key = null) => new()
    {
        Body = Encoding.UTF8.GetBytes(body),
        Key = KeyOf(key),
        ContentType = "text/plain",
    };

    // Not "? : null": that null would be a byte[], and become an empty key.
    private static ReadOnlyMemory<byte>? KeyOf(string? key) => key is null ? new ReadOnlyMemory<byte>?() : Encoding.UTF8.GetBytes(key);

    /// <summary>A body that is JSON already.</summary>
    public static Message OfJson(string json, string? key = null) => new()
    {
        Body = Encoding.UTF8.GetBytes(json),
        Key = KeyOf(key),
        ContentType = "application/json",
    };
}

/// <summary>A message as stored.</summary>
public record StoredMessage
{
    public required Position Position { get; init; }

    /// <summary>The time the producer gave, else when it was sent.</summary>
    public required DateTimeOffset Timestamp { get; init; }

    public ReadOnlyMemory<byte>? Key { get; init; }
    public ReadOnlyMemory<byte> Body { get; init; }
    public bool Tombstone { get; init; }
    public string? ContentType { get; init; }
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];
    public string? Token { get; init; }
    public string? CorrelationId { get; init; }
    public string? ReplyTo { get; init; }
    public string? RoutingKey { get; init; }

    /// <summary>Set where it was sent to be delivered at a time, or waits for it.</summary>
    public DateTimeOffset? DeliverAt { get; init; }

    /// <summary>As it was sent: from its append on.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>As it was sent; null where it says none, or no number from 0 to 9.</summary>
    public int? Priority { get; init; }

    /// <summary>Set where this is a dead letter, or one that was redriven.</summary>
    public DeadLetterInfo? DeadLetter { get; init; }

    public string BodyText => Encoding.UTF8.GetString(Body.Span);
    public string? KeyText => Key is { } key ? Encoding.UTF8.GetString(key.Span) : null;
}

/// <summary>Why and from where a message went to dead letters.</summary>
/// <param name="Reason">The consumer's word, or <c>max-deliveries</c>.</param>
/// <param name="Origin">Its position in the topic.</param>
/// <param name="Deliveries">How often it had been delivered.</param>
/// <param name="At">When it was moved, by the broker's clock.</param>
/// <param name="Redrives">How often it has been given to its group again.</param>
public sealed record DeadLetterInfo(string Reason, Position Origin, int Deliveries, DateTimeOffset At, int Redrives = 0);

/// <summary>A message handed to a consumer of a queue-style group under a lease.</summary>
public sealed record Delivery : StoredMessage
{
    public required LeaseId Lease { get; init; }

    /// <summary>Until then it is nobody else's; extend it, or settle it, before.</summary>
    public required DateTimeOffset LeaseUntil { get; init; }

    /// <summary>From 1.</summary>
    public required int DeliveryCount { get; init; }

    /// <summary>The state that the group keeps of the message's key; empty where there is none. See <see cref="SessionChange"/>.</summary>
    public ReadOnlyMemory<byte> SessionState { get; init; }

    /// <summary>Of that state, for <see cref="SessionChange.Version"/>; 0 where none was set here.</summary>
    public long SessionVersion { get; init; }
}

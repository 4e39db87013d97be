using System.Buffers;
using System.Globalization;
using OrleansMq.Records;

namespace OrleansMq;

/// <summary>Between a <see cref="Message"/> and its record: what Kafka's record has no field for stands in the reserved headers.</summary>
public static class MessageCodec
{
    /// <summary>Bytes of UTF-8 that a token has at most.</summary>
    public const int MaxTokenBytes = 256;

    /// <summary>Bytes of UTF-8 that a routing key has at most; AMQP's short string.</summary>
    public const int MaxRoutingKeyBytes = 255;

    /// <summary>Reserved headers that a message sent has at most.</summary>
    internal const int MaxReserved = 10;
    private static readonly byte[] HalfName = ReservedHeaders.HalfUtf8.ToArray();
    private static readonly byte[] TimeToLiveName = ReservedHeaders.TimeToLiveUtf8.ToArray();
    private static readonly byte[] DeliverAtName = ReservedHeaders.DeliverAtUtf8.ToArray();
    private static readonly byte[] PriorityName = ReservedHeaders.PriorityUtf8.ToArray();
    private static readonly byte[] TokenName = ReservedHeaders.TokenUtf8.ToArray();
    private static readonly byte[] ContentTypeName = ReservedHeaders.ContentTypeUtf8.ToArray();
    private static readonly byte[] CorrelationIdName = ReservedHeaders.CorrelationIdUtf8.ToArray();
    private static readonly byte[] ReplyToName = ReservedHeaders.ReplyToUtf8.ToArray();
    private static readonly byte[] RoutingKeyName = ReservedHeaders.RoutingKeyUtf8.ToArray();

    /// <summary>Checks what the message says by itself; its topic's limits are the broker's to check.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public static void Validate(Message message)
    {
        if (message.Tombstone && !message.Body.IsEmpty)
            throw Malformed("A tombstone has no body; this one has one.");
        if (message.Tombstone && message.Key is null)
            throw Malformed("A tombstone says that a key is gone; this one has no key.");
        if (message.Partition is < 0)
            throw Malformed($"A partition is not negative; {message.Partition} was given.");
        if (message.Timestamp is { } timestamp && timestamp < DateTimeOffset.UnixEpoch)
            throw Malformed($"A timestamp is not before 1970; {timestamp:O} was given.");
        if (message.Priority is < 0 or >= Message.Priorities)
            throw Malformed($"A priority is 0 to {Message.Priorities - 1}; {message.Priority} was given.");
        ValidateTimes(message);
        ValidateHalf(message);
        ValidateTexts(message);
        ValidateHeaders(message.Headers);
    }

    /// <summary>Whether the message needs reserved headers, so that its batch is a rich one.</summary>
    public static bool IsRich(Message message) =>
        message.Token is not null || message.ContentType is not null || message.CorrelationId is not null || message.ReplyTo is not null
        || message.RoutingKey is not null || message.DeliverAt is not null || message.DeliverAfter is not null || message.Half is not null || message.TimeToLive is not null
        || message.Priority is not null;

    /// <summary>Key, body and headers together, reserved ones included.</summary>
    public static int SizeOf(Message message) => checked((message.Key?.Length ?? 0) + message.Body.Length + HeaderBytes(message));

    /// <summary>What a topic's <see cref="TopicSettings.MaxMessageBytes"/> counts of <see cref="SizeOf"/>; see <see cref="ReservedHeaders.TraceParentLength"/>.</summary>
    public static int CountedOf(Message message, int size) => size - MessageTracing.ContextBytes(message);

    /// <summary>Adds the message to a batch. Everything is copied.</summary>
    /// <param name="nowMs">Its timestamp where it has none of its own, in Unix milliseconds.</param>
    public static void Append(RecordBatchBuilder batch, Message message, long nowMs)
    {
        var timestampMs = message.Timestamp?.ToUnixTimeMilliseconds() ?? nowMs;
        var key = message.Key.GetValueOrDefault().Span;
        if (!IsRich(message) && message.Headers.Count == 0)
        {
            batch.Append(timestampMs, key, message.Key is not null, message.Body.Span, !message.Tombstone);
            return;
        }

        var texts = ArrayPool<byte>.Shared.Rent(HeaderBytes(message));
        var headers = ArrayPool<RecordHeader>.Shared.Rent(message.Headers.Count + MaxReserved);
        try
        {
            var count = WriteHeaders(message, texts, headers);
            batch.Append(timestampMs, key, message.Key is not null, message.Body.Span, !message.Tombstone, headers.AsSpan(0, count));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(texts);
            ArrayPool<RecordHeader>.Shared.Return(headers, clearArray: true);
        }
    }

    /// <summary>The message that a record holds. Key and body are the record's own bytes, good as long as those are.</summary>
    /// <exception cref="MalformedBatchException">The record's headers are damaged.</exception>
    public static StoredMessage Decode(int partition, in RecordView record)
    {
        var headers = MessageHeaders.Read(record.Headers);
        return new StoredMessage
        {
            Position = new Position(partition, record.Offset),
            Timestamp = MessageHeaders.Time(record.Timestamp),
            Key = KeyOf(record),
            Body = record.Value,
            Tombstone = !record.HasValue,
            ContentType = headers.ContentType,
            Headers = headers.OfApplication,
            Token = headers.Token,
            CorrelationId = headers.CorrelationId,
            ReplyTo = headers.ReplyTo,
            RoutingKey = headers.RoutingKey,
            DeliverAt = headers.DeliverAt,
            TimeToLive = headers.TimeToLive,
            Priority = headers.Priority,
            DeadLetter = headers.DeadLetter,
        };
    }

    /// <summary>As <see cref="Decode"/>, under a lease.</summary>
    /// <inheritdoc cref="Decode"/>
    public static Delivery DecodeDelivery(int partition, in RecordView record, LeaseId lease, DateTimeOffset leaseUntil, int deliveryCount)
    {
        var headers = MessageHeaders.Read(record.Headers);
        return new Delivery
        {
            Position = new Position(partition, record.Offset),
            Timestamp = MessageHeaders.Time(record.Timestamp),
            Key = KeyOf(record),
            Body = record.Value,
            Tombstone = !record.HasValue,
            ContentType = headers.ContentType,
            Headers = headers.OfApplication,
            Token = headers.Token,
            CorrelationId = headers.CorrelationId,
            ReplyTo = headers.ReplyTo,
            RoutingKey = headers.RoutingKey,
            DeliverAt = headers.DeliverAt,
            TimeToLive = headers.TimeToLive,
            Priority = headers.Priority,
            DeadLetter = headers.DeadLetter,
            Lease = lease,
            LeaseUntil = leaseUntil,
            DeliveryCount = deliveryCount,
        };
    }

    /// <summary>How long a record lives from its append on, in milliseconds; null where it does not say.</summary>
    public static long? TimeToLiveOf(in RecordView record) =>
        record.Headers.TryGetLast(ReservedHeaders.TimeToLiveUtf8, out var header) && MessageHeaders.TryTimeToLive(header.Value.Span, out var ms) ? ms : null;

    /// <summary>A record's priority; <see cref="Message.DefaultPriority"/> where it says none.</summary>
    public static int PriorityOf(in RecordView record) =>
        record.Headers.TryGetLast(ReservedHeaders.PriorityUtf8, out var header) && MessageHeaders.TryPriority(header.Value.Span, out var priority) ? priority : Message.DefaultPriority;

    /// <summary>The headers that make a record a dead letter, as <see cref="Decode"/> reads them back.</summary>
    public static RecordHeader[] HeadersOf(DeadLetterInfo deadLetter) => MessageHeaders.Of(deadLetter);

    // Not "? : null": that null would be a byte[], and become an empty key.
    private static ReadOnlyMemory<byte>? KeyOf(in RecordView record) => record.HasKey ? record.Key : new ReadOnlyMemory<byte>?();

    private static void ValidateTimes(Message message)
    {
        if (message.DeliverAt is not null && message.DeliverAfter is not null)
            throw Malformed("A message is delivered at a time or after one; this one has both.");
        if (message.DeliverAt is { } at && at < DateTimeOffset.UnixEpoch)
            throw Malformed($"A message is not delivered before 1970; {at:O} was given.");
        if (message.DeliverAfter is { } after && after < TimeSpan.Zero)
            throw Malformed($"A message is not delivered before it is sent; it was to be after {after}.");
        if (message.TimeToLive is { } life && (life < TimeSpan.FromMilliseconds(1) || life > MaxTimeToLive))
            throw Malformed($"A message lives 1 ms to {MaxTimeToLive.TotalDays:0} days; {life} was given.");
    }

    private static void ValidateHalf(Message message)
    {
        if (message.Half is not { } terms)
            return;
        if (message.DeliverAt is not null || message.DeliverAfter is not null)
            throw Malformed("A half message has no time of delivery; it is delivered when it is committed.");
        if (!NameRule.IsValid(terms.Group))
            throw Malformed($"'{terms.Group}' is no name for a group of producers: the rule is that of topics.");
        if (terms.CheckAfter < TimeSpan.Zero || terms.CheckAfter > MaxCheckTime || terms.CheckEvery < TimeSpan.FromMilliseconds(1) || terms.CheckEvery > MaxCheckTime)
            throw Malformed("A half message is checked back after 0 to 24 hours, and then every 1 ms to 24 hours.");
        if (terms.MaxChecks is < 1 or > 1_000)
            throw Malformed($"A half message is checked back 1 to 1,000 times; {terms.MaxChecks} was given.");
    }

    /// <summary>Ten years is for ever.</summary>
    private static readonly TimeSpan MaxTimeToLive = TimeSpan.FromDays(3660);

    private static readonly TimeSpan MaxCheckTime = TimeSpan.FromDays(1);

    private static string? HalfText(Message message) => message.Half is not { } terms
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"{Json.Durations.Milliseconds(terms.CheckAfter)}:{Json.Durations.Milliseconds(terms.CheckEvery)}:{terms.MaxChecks}:{terms.Group}");

    /// <summary>A delay is written as such: only the broker knows its clock. A part of a millisecond counts as a whole one: never early.</summary>
    private static string? DeliverAtText(Message message) => message switch
    {
        { DeliverAt: { } at } => (at.ToUnixTimeMilliseconds() + (at.Ticks % TimeSpan.TicksPerMillisecond > 0 ? 1 : 0)).ToString(CultureInfo.InvariantCulture),
        { DeliverAfter: { } after } => "+" + Json.Durations.Milliseconds(after).ToString(CultureInfo.InvariantCulture),
        _ => null,
    };

    private static string? TimeToLiveText(Message message) =>
        message.TimeToLive is { } life ? Json.Durations.Milliseconds(life).ToString(CultureInfo.InvariantCulture) : null;

    private static string? PriorityText(Message message) => message.Priority?.ToString(CultureInfo.InvariantCulture);

    private static void ValidateTexts(Message message)
    {
        if (message.Token is { } token && MessageText.ByteCount(token, "token") is 0 or > MaxTokenBytes)
            throw Malformed($"A token has 1 to {MaxTokenBytes} bytes of UTF-8; this one has {MessageText.ByteCount(token, "token")}.");
        CheckText(message.ContentType, "content type");
        CheckText(message.CorrelationId, "correlation id");
        CheckText(message.ReplyTo, "reply-to");
        if (message.RoutingKey is { } routing && MessageText.ByteCount(routing, "routing key") > MaxRoutingKeyBytes)
            throw Malformed($"A routing key has at most {MaxRoutingKeyBytes} bytes of UTF-8; this one has {MessageText.ByteCount(routing, "routing key")}.");
    }

    private static void ValidateHeaders(IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        if (headers is null)
            throw Malformed("The list of headers is null.");
        foreach (var (name, value) in headers)
        {
            if (name is null)
                throw Malformed("A header has no name.");
            if (value is null)
                throw Malformed($"The header '{name}' has no value.");
            if (name.StartsWith(ReservedHeaders.Prefix, StringComparison.Ordinal))
                throw Malformed($"The header '{name}' begins with '{ReservedHeaders.Prefix}', which is the broker's own.");
            CheckText(name, "header's name");
            CheckText(value, "header's value");
        }
    }

    private static void CheckText(string? text, string what)
    {
        if (text is not null)
            MessageText.ByteCount(text, what);
    }

    private static int HeaderBytes(Message message)
    {
        var bytes = Bytes(TokenName, message.Token) + Bytes(ContentTypeName, message.ContentType)
            + Bytes(CorrelationIdName, message.CorrelationId) + Bytes(ReplyToName, message.ReplyTo) + Bytes(RoutingKeyName, message.RoutingKey)
            + Bytes(DeliverAtName, DeliverAtText(message)) + Bytes(HalfName, HalfText(message)) + Bytes(TimeToLiveName, TimeToLiveText(message))
            + Bytes(PriorityName, PriorityText(message));
        var headers = message.Headers;
        for (var i = 0; i < headers.Count; i++)
            bytes = checked(bytes + MessageText.ByteCount(headers[i].Key, "header's name") + MessageText.ByteCount(headers[i].Value, "header's value"));
        return bytes;

        static int Bytes(byte[] name, string? value) => value is null ? 0 : name.Length + MessageText.ByteCount(value, "message");
    }

    private static int WriteHeaders(Message message, byte[] texts, RecordHeader[] headers)
    {
        var (count, at) = (0, 0);
        AddReserved(TokenName, message.Token);
        AddReserved(ContentTypeName, message.ContentType);
        AddReserved(CorrelationIdName, message.CorrelationId);
        AddReserved(ReplyToName, message.ReplyTo);
        AddReserved(RoutingKeyName, message.RoutingKey);
        AddReserved(DeliverAtName, DeliverAtText(message));
        AddReserved(HalfName, HalfText(message));
        AddReserved(TimeToLiveName, TimeToLiveText(message));
        AddReserved(PriorityName, PriorityText(message));
        for (var i = 0; i < message.Headers.Count; i++)
        {
            var (name, value) = message.Headers[i];
            headers[count++] = new RecordHeader(Write(name), Write(value));
        }

        return count;

        void AddReserved(byte[] name, string? value)
        {
            if (value is not null)
                headers[count++] = new RecordHeader(name, Write(value));
        }

        ReadOnlyMemory<byte> Write(string text)
        {
            var written = MessageText.Write(text, texts.AsSpan(at));
            at += written;
            return texts.AsMemory(at - written, written);
        }
    }

    private static MqException Malformed(string detail) => new(ErrorCodes.Malformed, detail);
}

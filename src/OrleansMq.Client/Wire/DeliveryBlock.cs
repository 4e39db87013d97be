namespace OrleansMq.Client.Wire;

/// <summary>
/// Deliveries as one buffer, so that Orleans carries them without looking inside. Little-endian; texts are a length (7-bit encoded) and UTF-8:
/// <code>
/// count i32, then for each
///   position i32 i64 | timestamp i64 ms | lease i32 i32 i32 i64 i32 | lease until i64 ms | deliveries i32
///   flags u16 (1 key, 2 tombstone, 4 content type, 8 token, 16 correlation id, 32 reply-to, 64 dead letter, 128 time of delivery, 256 time to live, 512 routing key, 1024 priority, 2048 state)
///   body length i32, body | key length i32, key | the texts of the flags | headers i32, each two texts
///   time of delivery: i64 ms | time to live: i64 ms | dead letter: reason, origin i32 i64, deliveries i32, at i64 ms, redrives i32 | state of the key: version i64, length i32, bytes
/// </code>
/// </summary>
[GenerateSerializer, Immutable, Alias("OrleansMq.DeliveryBlock")]
public sealed record DeliveryBlock(byte[] Bytes)
{
    private const ushort HasKey = 1, IsTombstone = 2, HasContentType = 4, HasToken = 8, HasCorrelationId = 16, HasReplyTo = 32, IsDeadLetter = 64, HasDeliverAt = 128, HasTimeToLive = 256, HasRoutingKey = 512, HasPriority = 1024, HasState = 2048;

    public static DeliveryBlock Empty { get; } = Of([]);

    public static DeliveryBlock Of(IReadOnlyList<Delivery> deliveries)
    {
        var stream = new MemoryStream(16 + deliveries.Sum(delivery => 160 + delivery.SessionState.Length + delivery.Body.Length + (delivery.Key?.Length ?? 0)));
        using var to = new BinaryWriter(stream);
        to.Write(deliveries.Count);
        foreach (var delivery in deliveries)
            Write(to, delivery);
        to.Flush();
        return new DeliveryBlock(stream.Length == stream.Capacity ? stream.GetBuffer() : stream.ToArray());
    }

    /// <summary>The deliveries; bodies and keys are slices of the buffer.</summary>
    public List<Delivery> Read()
    {
        using var from = new BinaryReader(new MemoryStream(Bytes, writable: false));
        var count = from.ReadInt32();
        var deliveries = new List<Delivery>(count);
        while (deliveries.Count < count)
            deliveries.Add(ReadOne(from));
        return deliveries;
    }

    private static void Write(BinaryWriter to, Delivery delivery)
    {
        to.Write(delivery.Position.Partition);
        to.Write(delivery.Position.Offset);
        to.Write(delivery.Timestamp.ToUnixTimeMilliseconds());
        var lease = delivery.Lease;
        to.Write(lease.Partition);
        to.Write(lease.Lane);
        to.Write(lease.Epoch);
        to.Write(lease.Offset);
        to.Write(lease.Delivery);
        to.Write(delivery.LeaseUntil.ToUnixTimeMilliseconds());
        to.Write(delivery.DeliveryCount);
        to.Write(FlagsOf(delivery));
        to.Write(delivery.Body.Length);
        to.Write(delivery.Body.Span);
        if (delivery.Key is { } key)
        {
            to.Write(key.Length);
            to.Write(key.Span);
        }

        foreach (var text in (string?[])[delivery.ContentType, delivery.Token, delivery.CorrelationId, delivery.ReplyTo, delivery.RoutingKey])
            if (text is not null)
                to.Write(text);
        to.Write(delivery.Headers.Count);
        foreach (var (name, value) in delivery.Headers)
        {
            to.Write(name);
            to.Write(value);
        }

        if (delivery.DeliverAt is { } at)
            to.Write(at.ToUnixTimeMilliseconds());
        if (delivery.TimeToLive is { } life)
            to.Write((long)life.TotalMilliseconds);
        if (delivery.Priority is { } priority)
            to.Write((byte)priority);
        if (delivery.DeadLetter is { } dead)
        {
            to.Write(dead.Reason);
            to.Write(dead.Origin.Partition);
            to.Write(dead.Origin.Offset);
            to.Write(dead.Deliveries);
            to.Write(dead.At.ToUnixTimeMilliseconds());
            to.Write(dead.Redrives);
        }

        if (!HasSession(delivery))
            return;
        to.Write(delivery.SessionVersion);
        to.Write(delivery.SessionState.Length);
        to.Write(delivery.SessionState.Span);
    }

    private static bool HasSession(Delivery delivery) => delivery.SessionVersion > 0 || !delivery.SessionState.IsEmpty;

    private static ushort FlagsOf(Delivery delivery) => (ushort)(
        (delivery.Key is null ? 0 : HasKey)
        | (delivery.Tombstone ? IsTombstone : 0)
        | (delivery.ContentType is null ? 0 : HasContentType)
        | (delivery.Token is null ? 0 : HasToken)
        | (delivery.CorrelationId is null ? 0 : HasCorrelationId)
        | (delivery.ReplyTo is null ? 0 : HasReplyTo)
        | (delivery.RoutingKey is null ? 0 : HasRoutingKey)
        | (delivery.DeadLetter is null ? 0 : IsDeadLetter)
        | (delivery.DeliverAt is null ? 0 : HasDeliverAt)
        | (delivery.TimeToLive is null ? 0 : HasTimeToLive)
        | (delivery.Priority is null ? 0 : HasPriority)
        | (HasSession(delivery) ? HasState : 0));

    private Delivery ReadOne(BinaryReader from)
    {
        var position = new Position(from.ReadInt32(), from.ReadInt64());
        var timestamp = Time(from);
        var lease = new LeaseId(from.ReadInt32(), from.ReadInt32(), from.ReadInt32(), from.ReadInt64(), from.ReadInt32());
        var until = Time(from);
        var deliveries = from.ReadInt32();
        var flags = from.ReadUInt16();
        var body = Slice(from);
        return new Delivery
        {
            Position = position,
            Timestamp = timestamp,
            Lease = lease,
            LeaseUntil = until,
            DeliveryCount = deliveries,
            Body = body,
            // Not "? : null": that null would be a byte[], and become an empty key.
            Key = (flags & HasKey) != 0 ? Slice(from) : new ReadOnlyMemory<byte>?(),
            Tombstone = (flags & IsTombstone) != 0,
            ContentType = Text(from, flags & HasContentType),
            Token = Text(from, flags & HasToken),
            CorrelationId = Text(from, flags & HasCorrelationId),
            ReplyTo = Text(from, flags & HasReplyTo),
            RoutingKey = Text(from, flags & HasRoutingKey),
            Headers = ReadHeaders(from),
            DeliverAt = (flags & HasDeliverAt) == 0 ? null : Time(from),
            TimeToLive = (flags & HasTimeToLive) == 0 ? null : TimeSpan.FromMilliseconds(from.ReadInt64()),
            Priority = (flags & HasPriority) == 0 ? null : from.ReadByte(),
            DeadLetter = (flags & IsDeadLetter) == 0
                ? null
                : new DeadLetterInfo(from.ReadString(), new Position(from.ReadInt32(), from.ReadInt64()), from.ReadInt32(), Time(from), from.ReadInt32()),
            SessionVersion = (flags & HasState) == 0 ? 0 : from.ReadInt64(),
            SessionState = (flags & HasState) == 0 ? default : Slice(from),
        };
    }

    private static KeyValuePair<string, string>[] ReadHeaders(BinaryReader from)
    {
        var count = from.ReadInt32();
        if (count == 0)
            return [];
        var headers = new KeyValuePair<string, string>[count];
        for (var i = 0; i < count; i++)
            headers[i] = new(from.ReadString(), from.ReadString());
        return headers;
    }

    private ReadOnlyMemory<byte> Slice(BinaryReader from)
    {
        var length = from.ReadInt32();
        var at = (int)from.BaseStream.Position;
        from.BaseStream.Position += length;
        return Bytes.AsMemory(at, length);
    }

    private static string? Text(BinaryReader from, int there) => there == 0 ? null : from.ReadString();

    private static DateTimeOffset Time(BinaryReader from) => DateTimeOffset.FromUnixTimeMilliseconds(from.ReadInt64());
}

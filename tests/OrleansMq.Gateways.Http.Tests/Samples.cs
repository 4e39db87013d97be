using OrleansMq.Records;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Values with every field set to something that is not its default.</summary>
internal static class Samples
{
    private static readonly DateTimeOffset Time = new(2026, 11, 21, 8, 30, 0, 123, TimeSpan.Zero);

    public static TopicChange WholeTopicChange => new()
    {
        Partitions = 8,
        Acks = Change<Acks?>.To(Acks.Accepted),
        KeepUnsettled = false,
        Retention = TimeSpan.FromHours(1),
        RetentionBytes = Change<long?>.To(1L << 40),
        MaxMessages = Change<long?>.To(1000),
        MaxBytes = Change<long?>.Default,
        WhenFull = WhenFull.DropOldest,
        Admit = Change<long?>.To(50),
        RatePerSecond = Change<double?>.To(0.5),
        ProducerRatePerSecond = Change<double?>.To(1e6),
        MaxMessageBytes = 2048,
        MaxBatchBytes = Change<int>.Default,
        TokenCount = 5,
        TokenAge = TimeSpan.FromDays(7),
        TimeToLive = Change<TimeSpan?>.To(TimeSpan.FromMinutes(3)),
        Compact = true,
    };

    public static GroupChange WholeGroupChange => new()
    {
        Style = GroupStyle.Log,
        ByKey = true,
        MaxActive = Change<int?>.To(1),
        From = StartAt.Time(Time),
        MaxDeliveries = 3,
        Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(2)]),
        Lease = TimeSpan.FromSeconds(7),
        MaxInFlight = 9,
        RatePerSecond = Change<double?>.To(2.25),
        MaxMessages = Change<long?>.To(11),
        MaxBytes = Change<long?>.Default,
        Paused = true,
        WhenExpired = WhenExpired.DeadLetter,
        HoldKeyBehindDeadLetter = true,
        Priority = true,
        FairBy = FairBy.Header("tenant"),
        SessionIdle = Change<TimeSpan?>.To(TimeSpan.FromSeconds(8)),
        DeleteAfterIdle = Change<TimeSpan?>.To(TimeSpan.FromMinutes(9)),
        Filter = "type = 'order'",
    };

    public static SessionState Session => new(1, 12, new byte[] { 1, 2 });

    public static GroupDescription Group => new()
    {
        Name = "g",
        Id = new Guid("01234567-89ab-cdef-0123-456789abcdef"),
        Settings = WholeGroupChange.Over(null),
        Declared = true,
        Generation = 6,
        Partitions =
        [
            new GroupPartition(0, 10, 5, 2, TimeSpan.FromSeconds(3), 1, 4, Filtered: 6),
            new GroupPartition(1, 0, 0, 0, null, 0, 0, new MqError(ErrorCodes.PartitionUnavailable, "Away.", TimeSpan.FromSeconds(1))),
        ],
        Members = [new GroupMember("m1", [0], true), new GroupMember("m2", [], false)],
    };

    public static ExchangeDescription Exchange => new() { Name = "orders", Kind = ExchangeKind.Direct, Bindings = [Binding.ToTopic("orders", "paid")] };

    public static ClusterDescription Cluster => new("0.1.0", [new NodeDescription("n1", new Dictionary<string, string> { ["http"] = "127.0.0.1:8080" })]);

    public static Message Message => new()
    {
        Key = "LAX"u8.ToArray(),
        Body = """{"delay":7,"ö":"\u00f6"}"""u8.ToArray(),
        ContentType = "application/json",
        Headers = [new("b", "2"), new("a", ""), new("ü", "日本")],
        Token = "t-1",
        CorrelationId = "c",
        ReplyTo = "answers",
        Partition = 3,
        Timestamp = Time,
        TimeToLive = TimeSpan.FromSeconds(90),
    };

    public static Delivery Delivery => new()
    {
        Position = new Position(2, 42),
        Timestamp = Time,
        Key = new byte[] { 0xFF, 0x00 },
        Body = "plain"u8.ToArray(),
        ContentType = "text/plain",
        Headers = [new("twice", "1"), new("twice", "2")],
        Token = "t",
        CorrelationId = "c",
        ReplyTo = "r",
        TimeToLive = TimeSpan.FromSeconds(90),
        DeadLetter = new DeadLetterInfo("max-deliveries", new Position(2, 7), 16, Time),
        Lease = new LeaseId(2, 0, 5, 42, 3),
        LeaseUntil = Time.AddSeconds(30).AddTicks(1),
        DeliveryCount = 3,
        SessionState = new byte[] { 7, 0 },
        SessionVersion = 5,
    };

    /// <summary>A batch of records with these values.</summary>
    public static byte[] Batch(params string[] values)
    {
        var builder = new RecordBatchBuilder(256);
        foreach (var value in values)
            builder.Append(1, default, false, System.Text.Encoding.UTF8.GetBytes(value), true);
        return builder.Build().ToArray();
    }

    /// <summary>A batch of messages that need reserved headers.</summary>
    public static byte[] RichBatch(params string[] tokens)
    {
        var builder = new RecordBatchBuilder(256);
        foreach (var token in tokens)
            MessageCodec.Append(builder, new Message { Token = token }, 1);
        return builder.Build().ToArray();
    }
}

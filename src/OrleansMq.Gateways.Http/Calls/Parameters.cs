namespace OrleansMq.Gateways.Http;

/// <summary>The query parameters that there are.</summary>
internal static class Parameters
{
    private const string Count = """{"type":"integer","minimum":0}""";
    private const string Offset = """{"type":"integer","format":"int64","minimum":0}""";
    private const string Text = """{"type":"string"}""";
    private const string WaitSchema = """{"type":"integer","minimum":0,"maximum":60000}""";
    private const string StartSchema = """{"oneOf":[{"type":"integer","format":"int64","minimum":0},{"type":"string","format":"date-time"},{"type":"string","enum":["earliest","latest"]}]}""";

    public static readonly QueryParameter Prefix = new("prefix", "Only names that begin so.", Text);
    public static readonly QueryParameter After = new("after", "Only names behind this one: the last page's `next`.", Text);
    public static readonly QueryParameter ScheduledAfter = new("after", "The last page's `next`.", Text);
    public static readonly QueryParameter GroupPrefix = new("prefix", "Begins the name, before a hyphen and 32 digits; `broadcast` unless said, 64 characters at most.", Text);
    public static readonly QueryParameter GroupId = new("groupId", "Only of this very group, by the `id` that it was described with: where it was deleted the answer is `group-unknown`, and none is made.", Text);
    public static readonly QueryParameter SessionKey = new("key", "The key, as text.", Text);
    public static readonly QueryParameter SessionKeyBase64 = new("keyBase64", "The key, in base64url or base64; in place of `key`.", Text);
    public static readonly QueryParameter TracePartition = new("partition", "With `offset`: the message's position.", Count);
    public static readonly QueryParameter TraceOffset = new("offset", "See `partition`.", Offset);
    public static readonly QueryParameter TraceToken = new("token", "In place of a position: the message's token, within the topic's window.", Text);
    public static readonly QueryParameter TraceBytes = new("maxBytes", "How much of the log behind the message is read at most; 256 MiB unless said, 1 GiB at most.", Offset);
    public static readonly QueryParameter Last = new("lastMs", "Messages that were appended so lately; 600000 unless said, 7 days at most.", Offset);
    public static readonly QueryParameter OlderThan = new("olderThanMs", "Only what was appended at least so long ago; 0 unless said.", Offset);
    public static readonly QueryParameter Causes = new("causes", "Messages of these causes are shown, all are counted: `neverDelivered`, `leased`, `returned`, `dead`, `uncommitted`, with commas. All unless said.", Text);
    public static readonly QueryParameter UnsettledMax = new("max", "Messages shown at most; 100 unless said, 0 counts alone.", """{"type":"integer","minimum":0,"maximum":1000,"default":100}""");
    public static readonly QueryParameter ProducerGroup = new("group", "Only of this group of producers.", Text);
    public static readonly QueryParameter PageMax = new("max", "Names in a page; 100 unless said.", """{"type":"integer","minimum":1,"maximum":1000,"default":100}""");

    public static readonly QueryParameter Acks = new("acks", "What an acknowledgement means; what the topic or the broker says where that is more, or where this is absent.", """{"type":"string","enum":["none","accepted","durable"]}""");
    public static readonly QueryParameter PublishWait = new("waitMs", "How long a full topic whose `whenFull` is `wait` may hold the request; 30000 unless said.", WaitSchema);
    public static readonly QueryParameter Client = new("client", "Who sends, for the producer's rate; the address it comes from unless said.", """{"type":"string","maxLength":256}""");
    public static readonly QueryParameter ProducerId = new("producerId", "With `producerEpoch` and `sequence`: the first batch's place in its producer's order, where the batch itself does not say.", Offset);
    public static readonly QueryParameter ProducerEpoch = new("producerEpoch", "See `producerId`.", """{"type":"integer","minimum":0,"maximum":32767}""");
    public static readonly QueryParameter Sequence = new("sequence", "See `producerId`.", """{"type":"integer","minimum":0,"maximum":2147483647}""");
    public static readonly QueryParameter TransactionOfBatches = new("transaction", "Of a transaction's batches, the transactional id by which it is opened; needed where the broker asks who may do what.", Text);
    public static readonly IReadOnlyList<QueryParameter> InTransaction =
    [
        new("transaction", "A transactional id: the messages are part of its transaction. With `producerId` and `producerEpoch`, as they were answered last.", Text),
        new("producerId", "See `transaction`.", Offset),
        new("producerEpoch", "See `transaction`.", """{"type":"integer","minimum":0,"maximum":32767}"""),
    ];

    public static readonly QueryParameter ChosenBy = new(
        "partitions", "By how many partitions keys or tokens chose this one: where the topic has more by now, 409 `partitions-changed`, and nothing is stored.", """{"type":"integer","minimum":1,"maximum":10000}""");
    public static readonly QueryParameter Brief = new("brief", "One batch, answered by its base offset in place of a result for each record.", """{"type":"boolean","default":false}""");

    public static readonly QueryParameter Credit = new("credit", "Messages of the stream that are unsettled at once, at most; 16 unless said, 1000 at most unless the gateway is set otherwise.", """{"type":"integer","minimum":1,"default":16}""");
    public static readonly QueryParameter EventLease = new("leaseMs", "How long each message is the client's; the group's unless said.", $$"""{"type":"integer","minimum":{{EventCalls.MinLeaseMs}},"maximum":{{EventCalls.MaxLeaseMs}}}""");
    public static readonly QueryParameter Consumer = new("consumer", "Who receives, for groups with one active consumer, key order and lists; a name by chance unless said.", """{"type":"string","maxLength":256}""");

    public static readonly QueryParameter From = new("from", "Where to begin: an offset, a time, `earliest` (unless said) or `latest`.", StartSchema);
    public static readonly QueryParameter Filter = new("filter", "Only messages for which this holds, as a group's `filter`; at most 16 MiB are looked through, and `next` says where to go on.", """{"type":"string","maxLength":4096}""");
    public static readonly QueryParameter At = new("at", "An offset, a time, `earliest` or `latest`.", StartSchema, Required: true);
    public static readonly QueryParameter BrowseMax = new("max", "Messages at most; 100 unless said.", """{"type":"integer","minimum":1,"maximum":10000,"default":100}""");
    public static readonly QueryParameter Before = new("before", "Messages below this offset go.", Offset, Required: true);

    public static readonly QueryParameter MaxBytes = new("maxBytes", "At most so many, though a first batch that is larger is given all the same; 1 MiB unless said.", Count);
    public static readonly QueryParameter MinBytes = new("minBytes", "Answer as soon as so many are there; 1 unless said.", Count);
    public static readonly QueryParameter ReadWait = new("waitMs", "How long to wait for `minBytes`.", WaitSchema);
    public static readonly QueryParameter Isolation = new("isolation", "`committed` ends at the last stable offset.", """{"type":"string","enum":["uncommitted","committed"],"default":"uncommitted"}""");
}

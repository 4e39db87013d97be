namespace OrleansMq;

/// <summary>The stable codes under which a request is refused. Each gateway translates them by one table.</summary>
public static class ErrorCodes
{
    /// <summary>The request can't be read or contradicts itself. Not to be sent again as it is.</summary>
    public const string Malformed = "malformed";

    /// <summary>Named in the contract but not built yet.</summary>
    public const string NotAvailable = "not-available";

    public const string Unauthenticated = "unauthenticated";
    public const string Forbidden = "forbidden";

    public const string TopicUnknown = "topic-unknown";
    public const string PartitionUnknown = "partition-unknown";
    public const string GroupUnknown = "group-unknown";
    public const string MemberUnknown = "member-unknown";
    public const string ExchangeUnknown = "exchange-unknown";
    public const string UserUnknown = "user-unknown";
    public const string RuleUnknown = "rule-unknown";
    public const string WebhookUnknown = "webhook-unknown";

    /// <summary>No message of this name waits for its time (any more).</summary>
    public const string ScheduledUnknown = "scheduled-unknown";

    /// <summary>No message is known under this token.</summary>
    public const string MessageUnknown = "message-unknown";

    /// <summary>There is no such half message, or it was decided longer ago than is remembered.</summary>
    public const string HalfUnknown = "half-unknown";

    /// <summary>The half message was committed before: it can't be rolled back.</summary>
    public const string HalfCommitted = "half-committed";

    /// <summary>The half message was rolled back before: it can't be committed.</summary>
    public const string HalfRolledBack = "half-rolled-back";

    /// <summary>The half message was not decided in time; it is decided by hand now.</summary>
    public const string HalfTimedOut = "half-timed-out";

    /// <summary>The name is taken, also by the dead letters of a group.</summary>
    public const string NameTaken = "name-taken";

    /// <summary>What was asked does not fit what is there: fewer partitions, another group style, and the like.</summary>
    public const string Conflict = "conflict";

    /// <summary>
    /// The topic has grown since the sender chose the partition by a key or a token. Nothing of the batch was stored, nor will it be: choose again by the number that the topic
    /// has now (<see cref="IBroker.DescribeTopic"/>). <see cref="IBroker.Publish"/> and <c>Producer</c> do so by themselves.
    /// </summary>
    public const string PartitionsChanged = "partitions-changed";

    /// <summary>The member's generation is not the group's: join again.</summary>
    public const string GenerationStale = "generation-stale";

    /// <summary>The group is being formed anew: join again.</summary>
    public const string RebalanceInProgress = "rebalance-in-progress";

    /// <summary>Another has taken this static member's place.</summary>
    public const string MemberFenced = "member-fenced";

    /// <summary>The member knows no way to assign that all others know.</summary>
    public const string ProtocolMismatch = "protocol-mismatch";

    /// <summary>The member's epoch is not its present one: what it did before counts no more. It comes again at epoch 0, without any partition.</summary>
    public const string EpochFenced = "epoch-fenced";

    /// <summary>The member has moved to another epoch meanwhile: try again with that.</summary>
    public const string EpochStale = "epoch-stale";

    /// <summary>Another member has this static name, and did not give it back.</summary>
    public const string InstanceHeld = "instance-held";

    /// <summary>Nobody here shares partitions out by that name.</summary>
    public const string AssignorUnknown = "assignor-unknown";

    /// <summary>A newer epoch of this producer exists.</summary>
    public const string ProducerFenced = "producer-fenced";

    /// <summary>The transaction is not in a state in which this can be done: none is open, it ended otherwise, or it ended long ago.</summary>
    public const string TransactionState = "transaction-state";

    /// <summary>A batch between this one and the last one stored is missing.</summary>
    public const string SequenceGap = "sequence-gap";

    /// <summary>The partition has never stored anything of this producer id, and the batch's sequence is not 0: a batch before it is missing, or the topic was made anew.</summary>
    public const string ProducerUnknown = "producer-unknown";

    /// <summary>The batch's sequence was stored earlier than the broker remembers; it is not stored again.</summary>
    public const string SequenceOld = "sequence-old";

    /// <summary>The offset lies outside what is stored.</summary>
    public const string OffsetOutOfRange = "offset-out-of-range";

    public const string MessageTooLarge = "message-too-large";
    public const string BatchTooLarge = "batch-too-large";

    /// <summary>The topic is compacted, and of what is sent to it a message has no key: nothing of the batch was stored. Or a message without a key was to be acknowledged with a state.</summary>
    public const string KeyMissing = "key-missing";

    /// <summary>The record batch fails its own checks.</summary>
    public const string BatchCorrupt = "batch-corrupt";

    /// <summary>The backlog limit of the topic or of one of its groups is reached.</summary>
    public const string BacklogFull = "backlog-full";

    /// <summary>The topic's or the producer's rate is reached.</summary>
    public const string RateLimited = "rate-limited";

    /// <summary>There are as many topics, partitions or groups as the tenant's quota allows. Waiting does not help.</summary>
    public const string QuotaReached = "quota-reached";

    /// <summary>All N admissions of the topic are given. Waiting does not help.</summary>
    public const string AdmissionClosed = "admission-closed";

    /// <summary>Too many requests wait for this partition.</summary>
    public const string Overloaded = "overloaded";

    /// <summary>The partition is not served now; it may be later.</summary>
    public const string PartitionUnavailable = "partition-unavailable";

    /// <summary>The partition's data is damaged; it stopped and says where.</summary>
    public const string PartitionDamaged = "partition-damaged";

    /// <summary>
    /// What answered is no broker: a wrong address, or something on the way that knows of none just now or refused by itself. As far as anybody can tell the broker has not seen the request. The same call is not
    /// repeated, for at a wrong address it would never end; where the address is right, it is worth another try later.
    /// </summary>
    public const string NotABroker = "not-a-broker";

    /// <summary>It may or may not have happened. The same tokens or sequences may be sent again.</summary>
    public const string OutcomeUnknown = "outcome-unknown";

    public const string DiskFull = "disk-full";

    public const string LeaseLapsed = "lease-lapsed";
    public const string LeaseUnknown = "lease-unknown";

    /// <summary>The state of the key is not the one that the new one was made from, or the key's state is kept by another partition since the topic grew. Nothing was set.</summary>
    public const string SessionMoved = "session-moved";

    /// <summary>The group's states fill the room that they have on the partition: clear some. Nothing was set.</summary>
    public const string SessionsFull = "sessions-full";

    /// <summary>
    /// Whether the same request may succeed later: unavailable, rate, unknown outcome. Everything else does not get better by itself.
    /// </summary>
    public static bool IsRetriable(string code) => code is PartitionUnavailable or RateLimited or BacklogFull or Overloaded or OutcomeUnknown or DiskFull;
}

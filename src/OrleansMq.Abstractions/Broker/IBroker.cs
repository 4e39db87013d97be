namespace OrleansMq;

/// <summary>
/// The broker as applications and gateways see it, wherever it runs. Producers and consumers (<c>Producer</c>, <c>QueueConsumer</c>,
/// <c>LogConsumer</c>) are built on these calls and work with every implementation.
/// </summary>
/// <remarks>
/// A refusal is an <see cref="MqException"/> with a stable code; nothing has changed then, except under <see cref="ErrorCodes.OutcomeUnknown"/>.
/// A call that was cancelled has an unknown outcome. All calls may be made from any thread.
/// </remarks>
public partial interface IBroker : IAsyncDisposable
{
    /// <summary>Groups whose members assign partitions themselves, as Kafka's clients do. Null where this way to the broker has none (HTTP).</summary>
    IGroupCoordinator? Coordinator => null;

    /// <summary>Transactions over several partitions. Null where this way to the broker has none.</summary>
    ITransactionCoordinator? Transactions => null;

    /// <summary>Users and rules. Null where there are none: whoever reaches this broker may do everything.</summary>
    IAccessDirectory? Access => null;

    /// <summary>Webhooks that are registered with the broker. Null where it takes none: an operator has to allow that.</summary>
    IWebhookDirectory? Webhooks => null;

    ValueTask<ClusterDescription> DescribeCluster(CancellationToken cancel = default);

    /// <summary>Creates the topic, or changes it where it exists. A number of partitions that is a multiple of the one it has lets it grow.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: fewer partitions, or no multiple; <see cref="ErrorCodes.NameTaken"/>: the name is that of a group's dead letters;
    /// <see cref="ErrorCodes.Malformed"/>: a setting out of its range.</exception>
    ValueTask<TopicDescription> PutTopic(TopicName topic, TopicChange change, CancellationToken cancel = default);

    /// <summary>
    /// Lets a topic that exists grow, while it is at work. Each key keeps its order for consumers of groups by key and members of log-style groups: a partition that takes over a
    /// key is read when what stood before it is settled. As many partitions as there are change nothing.
    /// </summary>
    /// <param name="partitions">A multiple of what the topic has, at most 10,000.</param>
    /// <param name="breakKeyOrder">Also where it is no multiple: keys then go to other partitions without waiting for what stood before.</param>
    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: fewer, or no multiple; <see cref="ErrorCodes.Malformed"/>: out of range.</exception>
    ValueTask<TopicDescription> GrowTopic(TopicName topic, int partitions, bool breakKeyOrder = false, CancellationToken cancel = default) => throw Unavailable("Growing a topic");

    ValueTask<TopicDescription> DescribeTopic(TopicName topic, CancellationToken cancel = default);

    /// <summary>Deletes the topic with its messages, groups and dead letters.</summary>
    ValueTask DeleteTopic(TopicName topic, CancellationToken cancel = default);

    /// <summary>Names in ordinal order.</summary>
    /// <param name="after">Only names behind this one; the last page's <see cref="Page{T}.Next"/>.</param>
    /// <param name="max">1 to 1,000.</param>
    ValueTask<Page<TopicName>> ListTopics(string prefix = "", string? after = null, int max = 100, CancellationToken cancel = default);

    /// <summary>Gives a producer its id. A named producer that is opened again keeps its id at a higher epoch; the older epoch is refused from then on.</summary>
    ValueTask<ProducerIdentity> OpenProducer(string? name = null, CancellationToken cancel = default);

    /// <summary>Sends messages, each to its partition; what goes to one partition is stored together.</summary>
    /// <returns>A result for each message, in the order given.</returns>
    /// <exception cref="MqException">The whole request is refused; a refusal of single messages is in their results.</exception>
    ValueTask<IReadOnlyList<PublishResult>> Publish(TopicName topic, IReadOnlyList<Message> messages, PublishOptions? options = null, CancellationToken cancel = default);

    /// <summary>Appends one record batch to one partition.</summary>
    ValueTask<AppendResult> Append(AppendRequest request, CancellationToken cancel = default);

    /// <summary>
    /// Reads from many partitions at once: returns when <see cref="ReadRequest.MinBytes"/> are there, or after <see cref="ReadRequest.Wait"/> with what there is.
    /// A dead-letter lane is read as the topic <c>{topic}.{group}.dlq</c>. Dispose the result when its batches are no longer needed.
    /// </summary>
    ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default);

    /// <summary>The offset at which reading from <paramref name="at"/> begins: between the partition's start and end, both included.</summary>
    ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default);

    /// <summary>Removes the messages below an offset.</summary>
    /// <returns>The partition's start after it.</returns>
    ValueTask<long> DeleteBefore(TopicName topic, int partition, long offset, CancellationToken cancel = default);

    /// <summary>Declares the group, or changes it where it exists.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: another style or key order; <see cref="ErrorCodes.NameTaken"/>: a topic has the name of its dead letters.</exception>
    ValueTask<GroupDescription> PutGroup(TopicName topic, GroupName group, GroupChange change, CancellationToken cancel = default);

    ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default);

    ValueTask DeleteGroup(TopicName topic, GroupName group, CancellationToken cancel = default);

    ValueTask<Page<GroupName>> ListGroups(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default);

    /// <summary>Leases messages. Returns at once when there are some, else empty after <see cref="ReceiveRequest.Wait"/>. The group is made on first use.</summary>
    ValueTask<IReadOnlyList<Delivery>> Receive(TopicName topic, GroupName group, ReceiveRequest request, CancellationToken cancel = default);

    /// <summary>Acknowledges, refuses, extends or dead-letters leases. Answered at the topic's durability.</summary>
    /// <returns>A result for each lease in the order given, then one for each position of <see cref="Settlement.UpTo"/>.</returns>
    ValueTask<IReadOnlyList<SettleResult>> Settle(TopicName topic, GroupName group, Settlement settlement, CancellationToken cancel = default);

    /// <summary>Joins a log-style group, or learns the present assignment; to be called again when <see cref="ErrorCodes.GenerationStale"/> says so. The group is made on first use.</summary>
    ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default);

    /// <summary>Says that the member lives.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.GenerationStale"/> or <see cref="ErrorCodes.MemberUnknown"/>: join again.</exception>
    ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default);

    ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default);

    /// <summary>Moves a log-style group's cursors: the offset is the next to be read. Without a member it is for whoever reads alone.</summary>
    ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default);

    /// <summary>Sets a group's cursors anew, whole or for single partitions. Leases end.</summary>
    ValueTask Seek(TopicName topic, GroupName group, SeekRequest request, CancellationToken cancel = default);

    /// <summary>Gives dead letters to the group again, with their delivery count back at 0.</summary>
    /// <returns>How many; positions that are no dead letters (any more) don't count.</returns>
    ValueTask<int> Redrive(TopicName topic, GroupName group, DeadLetterSelection selection, Message? replace = null, CancellationToken cancel = default);

    /// <summary>
    /// What was published to the topic, at least so long ago, and is not settled by the group: counted by cause, and shown message by message. What is settled costs nothing.
    /// </summary>
    ValueTask<Reconciliation> Reconcile(TopicName topic, GroupName group, ReconcileRequest request, CancellationToken cancel = default) => throw Unavailable("Reconciliation");

    /// <summary>
    /// Gives unsettled messages to the group again at once: dead letters are redriven, waits are ended. A second time changes nothing more: what is delivered, or due, is not given again.
    /// </summary>
    /// <returns>How many.</returns>
    ValueTask<int> Redeliver(TopicName topic, GroupName group, RedeliverRequest request, CancellationToken cancel = default) => throw Unavailable("Delivering again");

    /// <summary>The state that a group by key keeps of a key, beside its messages; see <see cref="SessionChange"/>. With <see cref="SessionRequest.Set"/> it is set first.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Conflict"/>: the group is not by key; <see cref="ErrorCodes.SessionMoved"/>, <see cref="ErrorCodes.SessionsFull"/>: nothing was set.</exception>
    ValueTask<SessionState> Session(TopicName topic, GroupName group, SessionRequest request, CancellationToken cancel = default) => throw Unavailable("States of keys");

    /// <summary>The way of one message: when it was appended, leased, settled by each group, from the times in the log.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.OffsetOutOfRange"/>, <see cref="ErrorCodes.MessageUnknown"/>.</exception>
    ValueTask<MessageTrace> Trace(TopicName topic, TraceRequest request, CancellationToken cancel = default) => throw Unavailable("Tracing");

    /// <summary>How long the messages of a last length of time took from stage to stage for one group.</summary>
    /// <param name="last">Up to 7 days. Of each partition at most 256 MiB of its log are read.</param>
    ValueTask<StageTimes> Stages(TopicName topic, GroupName group, TimeSpan last, CancellationToken cancel = default) => throw Unavailable("Stage times");

    /// <summary>Looks at a message that waits for its time.</summary>
    /// <param name="id">Its token, else the name that <see cref="PublishResult.Scheduled"/> gave it. Of several with one token: the first that waits.</param>
    /// <exception cref="MqException"><see cref="ErrorCodes.ScheduledUnknown"/>: no message of this name waits (any more).</exception>
    ValueTask<ScheduledMessage> DescribeScheduled(TopicName topic, string id, CancellationToken cancel = default) => throw Unavailable("Looking at delayed messages");

    /// <summary>Cancels a message that waits for its time. Its token stays known: sent again within the window it is a duplicate.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.ScheduledUnknown"/>: it was delivered, cancelled, or never there.</exception>
    ValueTask CancelScheduled(TopicName topic, string id, CancellationToken cancel = default) => throw Unavailable("Cancelling delayed messages");

    /// <summary>The messages that wait, partition by partition in the order they were sent.</summary>
    /// <param name="max">1 to 1,000.</param>
    ValueTask<Page<ScheduledMessage>> ListScheduled(TopicName topic, string? after = null, int max = 100, CancellationToken cancel = default) => throw Unavailable("Listing delayed messages");

    /// <summary>
    /// Commits or rolls back a half message (one that was sent with <see cref="Message.Half"/>). The same decision again is answered as the first was;
    /// states only move forward.
    /// </summary>
    /// <param name="id">What <see cref="PublishResult.Half"/> said.</param>
    /// <param name="force">By hand: decides also what timed out.</param>
    /// <exception cref="MqException"><see cref="ErrorCodes.HalfCommitted"/>, <see cref="ErrorCodes.HalfRolledBack"/>: the other was decided before;
    /// <see cref="ErrorCodes.HalfTimedOut"/>; <see cref="ErrorCodes.HalfUnknown"/>: never there, or decided more than a week or 100,000 decisions ago.</exception>
    ValueTask<HalfResult> EndHalf(TopicName topic, string id, HalfState decision, bool force = false, CancellationToken cancel = default) => throw Unavailable("Deciding half messages");

    /// <exception cref="MqException"><see cref="ErrorCodes.HalfUnknown"/>: it is decided, or was never there.</exception>
    ValueTask<HalfMessage> DescribeHalf(TopicName topic, string id, CancellationToken cancel = default) => throw Unavailable("Looking at half messages");

    /// <summary>Half messages that are undecided or timed out, partition by partition, oldest first.</summary>
    /// <param name="group">Of these producers; null: of all.</param>
    ValueTask<Page<HalfMessage>> ListHalf(TopicName topic, string? group = null, string? after = null, int max = 100, CancellationToken cancel = default) => throw Unavailable("Listing half messages");

    /// <summary>Takes half messages of a group of producers that are to be checked back now: each check is given to one who asks. Answer with <see cref="EndHalf"/>, or let it be asked again.</summary>
    ValueTask<IReadOnlyList<HalfMessage>> CheckHalf(TopicName topic, string group, int max = 100, TimeSpan wait = default, CancellationToken cancel = default) => throw Unavailable("Checking half messages back");

    private static MqException Unavailable(string what) => new(ErrorCodes.NotAvailable, $"{what} is not available on this host yet.");

    /// <summary>Throws dead letters away.</summary>
    /// <returns>How many.</returns>
    ValueTask<int> Discard(TopicName topic, GroupName group, DeadLetterSelection selection, CancellationToken cancel = default);
}

/// <summary>A page of a list.</summary>
/// <param name="Next">To be given as <c>after</c> for the next page; null at the end.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>The nodes, and where their gateways answer.</summary>
public sealed record ClusterDescription(string Version, IReadOnlyList<NodeDescription> Nodes);

/// <param name="Gateways">Gateway name (<c>http</c>, <c>kafka</c>, …) to <c>address:port</c>.</param>
public sealed record NodeDescription(string Node, IReadOnlyDictionary<string, string> Gateways);

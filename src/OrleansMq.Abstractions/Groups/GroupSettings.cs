namespace OrleansMq;

/// <summary>How a group consumes.</summary>
public enum GroupStyle
{
    /// <summary>Messages are leased and acknowledged one by one.</summary>
    Queue = 0,

    /// <summary>Members read whole partitions and commit offsets.</summary>
    Log = 1,
}

/// <summary>What a queue-style group does with a message whose time to live is over when its turn comes.</summary>
public enum WhenExpired
{
    /// <summary>It is settled without being delivered.</summary>
    Skip = 0,

    /// <summary>It becomes a dead letter with the reason <c>expired</c>.</summary>
    DeadLetter = 1,
}

/// <summary>A group's settings, all with their defaults.</summary>
public sealed record GroupSettings
{
    public GroupStyle Style { get; init; } = GroupStyle.Queue;

    /// <summary>Queue style: messages of one key are at one consumer at a time and in order, redeliveries included.</summary>
    public bool ByKey { get; init; }

    /// <summary>How many consumers are active, the others standing by. Null: all. Only 1 is available yet.</summary>
    public int? MaxActive { get; init; }

    /// <summary>Where a new group begins.</summary>
    public StartAt From { get; init; } = StartAt.Earliest;

    /// <summary>After so many deliveries a message goes to dead letters.</summary>
    public int MaxDeliveries { get; init; } = 16;

    /// <summary>Delay before the second, third, … delivery after a negative acknowledgement or a lapsed lease; the last is repeated.</summary>
    public IReadOnlyList<TimeSpan> Backoff { get; init; } = DefaultBackoff;

    /// <summary>How long a lease lasts where the consumer does not say. 30 s, as SQS.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Leases at once over all partitions.</summary>
    public int MaxInFlight { get; init; } = 20_000;

    /// <summary>Messages delivered a second. Null: no limit.</summary>
    public double? RatePerSecond { get; init; }

    /// <summary>This group's backlog limit over all partitions: beyond it the topic does what its <see cref="WhenFull"/> says. Null: none.</summary>
    public long? MaxMessages { get; init; }

    /// <summary>The same in bytes as stored.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>Nothing is delivered while set; settling goes on.</summary>
    public bool Paused { get; init; }

    /// <summary>What becomes of messages that expired (<see cref="Message.TimeToLive"/>). A redriven dead letter does not expire again.</summary>
    public WhenExpired WhenExpired { get; init; } = WhenExpired.Skip;

    /// <summary>
    /// With <see cref="ByKey"/>: later messages of a key wait on its partition until its dead letter is discarded, or redriven and settled. With more than 10,000 dead letters on a partition
    /// nothing but redriven messages is delivered there.
    /// </summary>
    public bool HoldKeyBehindDeadLetter { get; init; }

    /// <summary>
    /// Queue style: on each partition, messages of higher <see cref="Message.Priority"/> are delivered first, among the next 1,000,000 unsettled (16,384 with <see cref="ByKey"/> or
    /// <see cref="FairBy"/>); every tenth is the oldest, so that none starves. By key it chooses between the first messages of keys. Redriven messages go before all.
    /// </summary>
    public bool Priority { get; init; }

    /// <summary>
    /// Queue style: on each partition, keys or the values of a header take turns, among the next 16,384 unsettled messages, so that a flood of one delays itself alone. Null: by age.
    /// </summary>
    public FairBy? FairBy { get; init; }

    /// <summary>
    /// With <see cref="ByKey"/>: a key's later messages go to the consumer that had the last one, until so long after it settled that one, or until its lease lapses. Null: to any consumer.
    /// Consumers that do not say who they are (<see cref="ReceiveRequest.Consumer"/>) keep no keys.
    /// </summary>
    public TimeSpan? SessionIdle { get; init; }

    /// <summary>
    /// The group is ephemeral: the broker deletes it when nobody has received from it for so long, and no lease of it is out. It holds none of its topic's messages back and is no backlog. Null: it stays.
    /// </summary>
    public TimeSpan? DeleteAfterIdle { get; init; }

    /// <summary>
    /// Only messages for which this holds are the group's, in the language of JMS' selectors (<c>type = 'order' AND total > 100</c>; <see cref="HeaderFilter"/> writes one). The others are passed
    /// over. Null: all are. A change counts for what has not been looked at; what was delivered once stays the group's.
    /// </summary>
    public string? Filter { get; init; }

    /// <summary>UTF-16 characters of a filter.</summary>
    public const int MaxFilterLength = 4_096;

    public static IReadOnlyList<TimeSpan> DefaultBackoff { get; } =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5)];
}

/// <summary>A declaration or a change of a group: fields left alone keep their value.</summary>
public sealed record GroupChange
{
    public Change<GroupStyle> Style { get; init; }
    public Change<bool> ByKey { get; init; }
    public Change<int?> MaxActive { get; init; }
    public Change<StartAt> From { get; init; }
    public Change<int> MaxDeliveries { get; init; }
    public Change<IReadOnlyList<TimeSpan>> Backoff { get; init; }
    public Change<TimeSpan> Lease { get; init; }
    public Change<int> MaxInFlight { get; init; }
    public Change<double?> RatePerSecond { get; init; }
    public Change<long?> MaxMessages { get; init; }
    public Change<long?> MaxBytes { get; init; }
    public Change<bool> Paused { get; init; }
    public Change<WhenExpired> WhenExpired { get; init; }
    public Change<bool> HoldKeyBehindDeadLetter { get; init; }
    public Change<bool> Priority { get; init; }
    public Change<FairBy?> FairBy { get; init; }
    public Change<TimeSpan?> SessionIdle { get; init; }
    public Change<TimeSpan?> DeleteAfterIdle { get; init; }
    public Change<string?> Filter { get; init; }

    /// <summary>The settings that result. They are not validated here.</summary>
    public GroupSettings Over(GroupSettings? current)
    {
        var standard = new GroupSettings();
        var now = current ?? standard;
        return new GroupSettings
        {
            Style = Style.Over(now.Style, standard.Style),
            ByKey = ByKey.Over(now.ByKey, standard.ByKey),
            MaxActive = MaxActive.Over(now.MaxActive, standard.MaxActive),
            From = From.Over(now.From, standard.From),
            MaxDeliveries = MaxDeliveries.Over(now.MaxDeliveries, standard.MaxDeliveries),
            Backoff = Backoff.Over(now.Backoff, standard.Backoff)!,
            Lease = Lease.Over(now.Lease, standard.Lease),
            MaxInFlight = MaxInFlight.Over(now.MaxInFlight, standard.MaxInFlight),
            RatePerSecond = RatePerSecond.Over(now.RatePerSecond, standard.RatePerSecond),
            MaxMessages = MaxMessages.Over(now.MaxMessages, standard.MaxMessages),
            MaxBytes = MaxBytes.Over(now.MaxBytes, standard.MaxBytes),
            Paused = Paused.Over(now.Paused, standard.Paused),
            WhenExpired = WhenExpired.Over(now.WhenExpired, standard.WhenExpired),
            HoldKeyBehindDeadLetter = HoldKeyBehindDeadLetter.Over(now.HoldKeyBehindDeadLetter, standard.HoldKeyBehindDeadLetter),
            Priority = Priority.Over(now.Priority, standard.Priority),
            FairBy = FairBy.Over(now.FairBy, standard.FairBy),
            SessionIdle = SessionIdle.Over(now.SessionIdle, standard.SessionIdle),
            DeleteAfterIdle = DeleteAfterIdle.Over(now.DeleteAfterIdle, standard.DeleteAfterIdle),
            Filter = Filter.Over(now.Filter, standard.Filter),
        };
    }
}

/// <summary>A group as it stands.</summary>
public sealed record GroupDescription
{
    public required GroupName Name { get; init; }

    /// <summary>A group that is deleted and made again under its name has another; see <see cref="ReceiveRequest.GroupId"/>. Empty: whoever answers does not know it.</summary>
    public Guid Id { get; init; }

    public required GroupSettings Settings { get; init; }

    /// <summary>False where it was made by first use: it then holds nothing back and lapses after a week unused.</summary>
    public required bool Declared { get; init; }

    public required IReadOnlyList<GroupPartition> Partitions { get; init; }

    /// <summary>Log style: the members. Queue style: the consumers seen lately.</summary>
    public required IReadOnlyList<GroupMember> Members { get; init; }

    public required int Generation { get; init; }

    /// <summary>Whether the call that returned this made the group.</summary>
    public bool Created { get; init; }
}

/// <summary>A group's cursor on one partition.</summary>
/// <param name="Cursor">Everything below is settled.</param>
/// <param name="Lag">Messages not settled.</param>
/// <param name="InFlight">Messages under a lease now.</param>
/// <param name="OldestUnsettled">Age of the oldest unsettled message, null when there is none.</param>
/// <param name="DeadLetters">Dead letters not yet redriven or discarded.</param>
/// <param name="Dropped">Messages that retention or a drop removed before this group settled them.</param>
/// <param name="Error">Why it is not served, else null; the numbers are then 0.</param>
/// <param name="Filtered">Queue style: messages that the group's filter passed over since the group was made.</param>
public sealed record GroupPartition(
    int Partition, long Cursor, long Lag, int InFlight, TimeSpan? OldestUnsettled, long DeadLetters, long Dropped, MqError? Error = null, long Filtered = 0);

/// <summary>A member and what it reads; a standing-by member has no partition.</summary>
public sealed record GroupMember(string Member, IReadOnlyList<int> Partitions, bool Active);

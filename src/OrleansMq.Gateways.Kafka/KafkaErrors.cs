using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka;

/// <summary>The one table from codes to Kafka's numbers.</summary>
/// <remarks>
/// What may succeed later has a number that every client repeats by itself; "throttling quota exceeded", which says more, is unknown to many and would be final.
/// </remarks>
internal static class KafkaErrors
{
    public static IReadOnlyDictionary<string, KafkaError> Table { get; } = new Dictionary<string, KafkaError>
    {
        [ErrorCodes.Malformed] = KafkaError.InvalidRequest,
        [ErrorCodes.NotAvailable] = KafkaError.InvalidRequest,
        [ErrorCodes.Unauthenticated] = KafkaError.SaslAuthenticationFailed,
        [ErrorCodes.Forbidden] = KafkaError.TopicAuthorizationFailed,
        [ErrorCodes.TopicUnknown] = KafkaError.UnknownTopicOrPartition,
        [ErrorCodes.PartitionUnknown] = KafkaError.UnknownTopicOrPartition,
        [ErrorCodes.GroupUnknown] = KafkaError.GroupIdNotFound,
        [ErrorCodes.MemberUnknown] = KafkaError.UnknownMemberId,
        [ErrorCodes.NameTaken] = KafkaError.TopicAlreadyExists,
        [ErrorCodes.Conflict] = KafkaError.InvalidRequest,
        [ErrorCodes.GenerationStale] = KafkaError.IllegalGeneration,
        [ErrorCodes.RebalanceInProgress] = KafkaError.RebalanceInProgress,
        [ErrorCodes.MemberFenced] = KafkaError.FencedInstanceId,
        [ErrorCodes.ProtocolMismatch] = KafkaError.InconsistentGroupProtocol,
        [ErrorCodes.EpochFenced] = KafkaError.FencedMemberEpoch,
        [ErrorCodes.EpochStale] = KafkaError.StaleMemberEpoch,
        [ErrorCodes.InstanceHeld] = KafkaError.UnreleasedInstanceId,
        [ErrorCodes.AssignorUnknown] = KafkaError.UnsupportedAssignor,
        [ErrorCodes.ProducerFenced] = KafkaError.InvalidProducerEpoch,
        [ErrorCodes.TransactionState] = KafkaError.InvalidTxnState,
        [ErrorCodes.SequenceGap] = KafkaError.OutOfOrderSequence,
        [ErrorCodes.ProducerUnknown] = KafkaError.UnknownProducerId,
        [ErrorCodes.SequenceOld] = KafkaError.DuplicateSequence,
        [ErrorCodes.OffsetOutOfRange] = KafkaError.OffsetOutOfRange,
        [ErrorCodes.MessageTooLarge] = KafkaError.MessageTooLarge,
        [ErrorCodes.BatchTooLarge] = KafkaError.MessageTooLarge,
        [ErrorCodes.KeyMissing] = KafkaError.InvalidRecord,
        [ErrorCodes.BatchCorrupt] = KafkaError.CorruptMessage,
        [ErrorCodes.BacklogFull] = KafkaError.PolicyViolation,
        [ErrorCodes.AdmissionClosed] = KafkaError.PolicyViolation,
        [ErrorCodes.QuotaReached] = KafkaError.PolicyViolation,
        [ErrorCodes.RateLimited] = KafkaError.RequestTimedOut,
        [ErrorCodes.Overloaded] = KafkaError.RequestTimedOut,
        [ErrorCodes.OutcomeUnknown] = KafkaError.RequestTimedOut,
        [ErrorCodes.PartitionUnavailable] = KafkaError.NotLeaderOrFollower,
        [ErrorCodes.PartitionDamaged] = KafkaError.StorageError,
        [ErrorCodes.DiskFull] = KafkaError.StorageError,
        // Nothing that Kafka's clients ask answers these.
        [ErrorCodes.NotABroker] = KafkaError.UnknownServerError,
        [ErrorCodes.PartitionsChanged] = KafkaError.UnknownServerError,
        [ErrorCodes.LeaseLapsed] = KafkaError.UnknownServerError,
        [ErrorCodes.SessionMoved] = KafkaError.UnknownServerError,
        [ErrorCodes.SessionsFull] = KafkaError.UnknownServerError,
        [ErrorCodes.LeaseUnknown] = KafkaError.UnknownServerError,
        [ErrorCodes.ExchangeUnknown] = KafkaError.UnknownServerError,
        [ErrorCodes.UserUnknown] = KafkaError.UnknownServerError,
        [ErrorCodes.WebhookUnknown] = KafkaError.UnknownServerError,
        [ErrorCodes.RuleUnknown] = KafkaError.UnknownServerError,
        [ErrorCodes.ScheduledUnknown] = KafkaError.UnknownServerError,
        [ErrorCodes.MessageUnknown] = KafkaError.UnknownServerError,
        [ErrorCodes.HalfUnknown] = KafkaError.UnknownServerError,
        [ErrorCodes.HalfCommitted] = KafkaError.UnknownServerError,
        [ErrorCodes.HalfRolledBack] = KafkaError.UnknownServerError,
        [ErrorCodes.HalfTimedOut] = KafkaError.UnknownServerError,
    };

    /// <summary>A code that is not in the table is a fault of ours.</summary>
    public static KafkaError Of(string code) => Table.GetValueOrDefault(code, KafkaError.UnknownServerError);
}

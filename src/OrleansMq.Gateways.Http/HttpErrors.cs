using Microsoft.AspNetCore.Http;

namespace OrleansMq.Gateways.Http;

/// <summary>How a refusal looks over HTTP.</summary>
/// <param name="RetryAfter">When to come again, where the refusal does not say; 429 and 503 always say.</param>
internal readonly record struct HttpError(int Status, string Title, TimeSpan? RetryAfter = null);

/// <summary>The one table from codes to HTTP.</summary>
internal static class HttpErrors
{
    // Refusals that only HTTP has.
    public const string PathUnknown = "path-unknown";
    public const string MethodNotAllowed = "method-not-allowed";
    public const string MediaTypeUnsupported = "media-type-unsupported";
    public const string RequestTooLarge = "request-too-large";
    public const string RequestTimeout = "request-timeout";

    /// <summary>A fault of ours in a call that changes nothing. One in a call that changes something is <see cref="ErrorCodes.OutcomeUnknown"/>.</summary>
    public const string Internal = "internal";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Later = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MuchLater = TimeSpan.FromHours(1);

    public static IReadOnlyDictionary<string, HttpError> Table { get; } = new Dictionary<string, HttpError>
    {
        [ErrorCodes.Malformed] = new(StatusCodes.Status400BadRequest, "Malformed request"),
        [ErrorCodes.NotAvailable] = new(StatusCodes.Status400BadRequest, "Not available yet"),
        [ErrorCodes.KeyMissing] = new(StatusCodes.Status400BadRequest, "Key missing"),
        [ErrorCodes.BatchCorrupt] = new(StatusCodes.Status400BadRequest, "Record batch damaged"),
        [ErrorCodes.Unauthenticated] = new(StatusCodes.Status401Unauthorized, "Not authenticated"),
        [ErrorCodes.Forbidden] = new(StatusCodes.Status403Forbidden, "Forbidden"),
        [ErrorCodes.TopicUnknown] = new(StatusCodes.Status404NotFound, "Topic unknown"),
        [ErrorCodes.PartitionUnknown] = new(StatusCodes.Status404NotFound, "Partition unknown"),
        [ErrorCodes.GroupUnknown] = new(StatusCodes.Status404NotFound, "Group unknown"),
        [ErrorCodes.MemberUnknown] = new(StatusCodes.Status404NotFound, "Member unknown"),
        [ErrorCodes.ExchangeUnknown] = new(StatusCodes.Status404NotFound, "Exchange unknown"),
        [ErrorCodes.UserUnknown] = new(StatusCodes.Status404NotFound, "User unknown"),
        [ErrorCodes.RuleUnknown] = new(StatusCodes.Status404NotFound, "Rule unknown"),
        [ErrorCodes.WebhookUnknown] = new(StatusCodes.Status404NotFound, "Webhook unknown"),
        [ErrorCodes.ScheduledUnknown] = new(StatusCodes.Status404NotFound, "Delayed message unknown"),
        [ErrorCodes.MessageUnknown] = new(StatusCodes.Status404NotFound, "Message unknown"),
        [ErrorCodes.HalfUnknown] = new(StatusCodes.Status404NotFound, "Half message unknown"),
        [ErrorCodes.HalfCommitted] = new(StatusCodes.Status409Conflict, "Half message committed"),
        [ErrorCodes.HalfRolledBack] = new(StatusCodes.Status409Conflict, "Half message rolled back"),
        [ErrorCodes.HalfTimedOut] = new(StatusCodes.Status409Conflict, "Half message timed out"),
        [PathUnknown] = new(StatusCodes.Status404NotFound, "Path unknown"),
        [MethodNotAllowed] = new(StatusCodes.Status405MethodNotAllowed, "Method not allowed"),
        [RequestTimeout] = new(StatusCodes.Status408RequestTimeout, "Request too slow"),
        [ErrorCodes.NameTaken] = new(StatusCodes.Status409Conflict, "Name taken"),
        [ErrorCodes.Conflict] = new(StatusCodes.Status409Conflict, "Conflict"),
        [ErrorCodes.PartitionsChanged] = new(StatusCodes.Status409Conflict, "Partitions changed"),
        [ErrorCodes.GenerationStale] = new(StatusCodes.Status409Conflict, "Generation stale"),
        [ErrorCodes.RebalanceInProgress] = new(StatusCodes.Status409Conflict, "Rebalance in progress"),
        [ErrorCodes.MemberFenced] = new(StatusCodes.Status409Conflict, "Member fenced"),
        [ErrorCodes.ProtocolMismatch] = new(StatusCodes.Status409Conflict, "Protocol mismatch"),
        [ErrorCodes.EpochFenced] = new(StatusCodes.Status409Conflict, "Epoch fenced"),
        [ErrorCodes.EpochStale] = new(StatusCodes.Status409Conflict, "Epoch stale"),
        [ErrorCodes.InstanceHeld] = new(StatusCodes.Status409Conflict, "Instance held"),
        [ErrorCodes.AssignorUnknown] = new(StatusCodes.Status400BadRequest, "Assignor unknown"),
        [ErrorCodes.ProducerFenced] = new(StatusCodes.Status409Conflict, "Producer fenced"),
        [ErrorCodes.ProducerUnknown] = new(StatusCodes.Status409Conflict, "Producer unknown"),
        [ErrorCodes.TransactionState] = new(StatusCodes.Status409Conflict, "Transaction state"),
        [ErrorCodes.SequenceGap] = new(StatusCodes.Status409Conflict, "Sequence gap"),
        [ErrorCodes.SequenceOld] = new(StatusCodes.Status409Conflict, "Sequence too old"),
        [ErrorCodes.OffsetOutOfRange] = new(StatusCodes.Status409Conflict, "Offset out of range"),
        [ErrorCodes.LeaseLapsed] = new(StatusCodes.Status409Conflict, "Lease lapsed"),
        [ErrorCodes.SessionMoved] = new(StatusCodes.Status409Conflict, "Session moved"),
        [ErrorCodes.SessionsFull] = new(StatusCodes.Status507InsufficientStorage, "Sessions full"),
        [ErrorCodes.LeaseUnknown] = new(StatusCodes.Status404NotFound, "Lease unknown"),
        [ErrorCodes.MessageTooLarge] = new(StatusCodes.Status413PayloadTooLarge, "Message too large"),
        [ErrorCodes.BatchTooLarge] = new(StatusCodes.Status413PayloadTooLarge, "Batch too large"),
        [RequestTooLarge] = new(StatusCodes.Status413PayloadTooLarge, "Request too large"),
        [MediaTypeUnsupported] = new(StatusCodes.Status415UnsupportedMediaType, "Media type unsupported"),
        [ErrorCodes.BacklogFull] = new(StatusCodes.Status429TooManyRequests, "Backlog full", Soon),
        [ErrorCodes.RateLimited] = new(StatusCodes.Status429TooManyRequests, "Rate limited", Soon),
        [ErrorCodes.Overloaded] = new(StatusCodes.Status429TooManyRequests, "Overloaded", Soon),
        // Waiting does not help, but the contract has a Retry-After with every 429.
        [ErrorCodes.QuotaReached] = new(StatusCodes.Status429TooManyRequests, "Quota reached", MuchLater),
        [ErrorCodes.AdmissionClosed] = new(StatusCodes.Status429TooManyRequests, "Admission closed", MuchLater),
        [Internal] = new(StatusCodes.Status500InternalServerError, "Internal error"),
        [ErrorCodes.NotABroker] = new(StatusCodes.Status502BadGateway, "Not a broker"),
        [ErrorCodes.PartitionUnavailable] = new(StatusCodes.Status503ServiceUnavailable, "Partition unavailable", Soon),
        [ErrorCodes.PartitionDamaged] = new(StatusCodes.Status503ServiceUnavailable, "Partition damaged", Later),
        [ErrorCodes.OutcomeUnknown] = new(StatusCodes.Status503ServiceUnavailable, "Outcome unknown", Soon),
        [ErrorCodes.DiskFull] = new(StatusCodes.Status507InsufficientStorage, "Disk full"),
    };

    /// <summary>A code that is not in the table is a fault of ours.</summary>
    public static HttpError Of(string code) => Table.TryGetValue(code, out var error) ? error : Table[Internal];

    /// <summary>What Kestrel found while the body was read.</summary>
    public static MqException Of(BadHttpRequestException e) => e.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => new MqException(RequestTooLarge, "The body is larger than this gateway takes.", inner: e),
        StatusCodes.Status408RequestTimeout => new MqException(RequestTimeout, "The body came too slowly.", inner: e),
        _ => new MqException(ErrorCodes.Malformed, "The request is not HTTP as it should be: " + e.Message, inner: e),
    };
}

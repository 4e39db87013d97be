namespace OrleansMq;

/// <summary>What is limited.</summary>
public enum QuotaKind
{
    RequestsPerSecond = 0,

    /// <summary>Of requests' and answers' bodies together.</summary>
    BytesPerSecond = 1,

    /// <summary>Open at once; of addresses and tenants: a connection is not yet anybody's, and a tenant's from its first login on.</summary>
    Connections = 2,

    /// <summary>Of tenants, as the two that follow: how much there may be, looked at when more is to be made.</summary>
    Topics = 3,

    /// <summary>Of all its topics together.</summary>
    Partitions = 4,

    /// <summary>On all its topics together.</summary>
    Groups = 5,

    /// <summary>Of tenants: bytes that lie in all its topics. Measured every 5 s while something comes in; meanwhile what comes is added.</summary>
    Storage = 6,

    /// <summary>Of tenants: delayed messages that wait in all its topics; measured likewise, and not added to meanwhile.</summary>
    Delayed = 7,

    /// <summary>Of tenants: tokens that all its topics may remember, each partition as many as its topic says. Looked at when a topic is made, changed or grown.</summary>
    Tokens = 8,

    /// <summary>Bytes of messages that are being stored at once. One request is let in whatever its size.</summary>
    InFlightBytes = 9,
}

/// <summary>Whose.</summary>
public enum QuotaScope
{
    User = 0,
    Address = 1,
    Tenant = 2,
}

/// <summary>
/// How much one may take, on each node. What exceeds is refused with the quota's name, as <see cref="ErrorCodes.RateLimited"/> or, where waiting does not help, as
/// <see cref="ErrorCodes.QuotaReached"/>, or waits as its protocol says it.
/// </summary>
/// <param name="Who">A principal's name, an IP address or a tenant's name; <c>*</c>: each that has none of its own. Administrators are not among those.</param>
public sealed record Quota(QuotaScope Scope, string Who, QuotaKind Kind, long Limit)
{
    public const string Each = "*";
}

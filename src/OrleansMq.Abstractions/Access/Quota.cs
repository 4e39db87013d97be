namespace OrleansMq;

/// <summary>What is limited.</summary>
public enum QuotaKind
{
    RequestsPerSecond = 0,

    /// <summary>Of requests' and answers' bodies together.</summary>
    BytesPerSecond = 1,

    /// <summary>Open at once; of addresses alone, since a connection is not yet anybody's.</summary>
    Connections = 2,
}

/// <summary>Whose.</summary>
public enum QuotaScope
{
    User = 0,
    Address = 1,
}

/// <summary>How much one may take, on each node. What exceeds is refused as <see cref="ErrorCodes.RateLimited"/> with the quota's name, or waits as its protocol says it.</summary>
/// <param name="Who">A principal's name or an IP address; <c>*</c>: each that has none of its own. Administrators are not among those.</param>
public sealed record Quota(QuotaScope Scope, string Who, QuotaKind Kind, long Limit)
{
    public const string Each = "*";
}

namespace OrleansMq.Core.Groups;

/// <summary>What a request for messages may say; the limits are its constants.</summary>
public static class ReceiveRules
{
    public const int MaxMessages = 10_000;

    /// <summary>Characters of a consumer's name, and of a request id.</summary>
    public const int MaxNameLength = 256;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>, naming what does not fit.</exception>
    public static void Check(ReceiveRequest request)
    {
        if (request.Max is < 1 or > MaxMessages)
            throw Malformed($"1 to {MaxMessages} messages are received at once; max {request.Max} was given.");
        if (request.Wait < TimeSpan.Zero)
            throw Malformed($"A wait is not negative; {request.Wait} was given.");
        if (request.Consumer.Length > MaxNameLength)
            throw Malformed($"A consumer's name has at most {MaxNameLength} characters; one of {request.Consumer.Length} was given.");
        if (request.Consumer.Contains('\0', StringComparison.Ordinal))
            throw Malformed("A consumer's name has no NUL character.");
        if (request.RequestId is { Length: 0 or > MaxNameLength })
            throw Malformed($"A request id has 1 to {MaxNameLength} characters.");
        if (request.Deferred.Count > MaxMessages)
            throw Malformed($"At most {MaxMessages} messages are fetched at once; {request.Deferred.Count} were named.");
        if (request.Deferred.Any(position => position.Partition < 0 || position.Offset < 0))
            throw Malformed("A position's partition and offset are not negative.");
        if (request.Lease is { } lease)
            Catalog.CatalogLimits.Lease.Check(lease);
    }

    private static MqException Malformed(string detail) => new(ErrorCodes.Malformed, detail);
}

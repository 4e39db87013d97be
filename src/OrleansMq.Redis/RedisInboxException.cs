namespace OrleansMq;

/// <summary>An effect was not done, or it is not known whether. Let the message be delivered again: whether its token was taken is found out then.</summary>
public sealed class RedisInboxException : Exception
{
    internal RedisInboxException(string message, bool outcomeUnknown = false, Exception? inner = null) : base(message, inner) => OutcomeUnknown = outcomeUnknown;

    /// <summary>The effect and its mark may have been stored, both or none. Otherwise none was.</summary>
    public bool OutcomeUnknown { get; }
}

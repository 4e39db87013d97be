namespace OrleansMq;

/// <summary>
/// An effect was not done, not wholly, or it is not known whether. Let the message be delivered again: whether its token was taken is found out then. Where neither property is true, nothing was done, and a redelivery does it.
/// </summary>
public sealed class RedisInboxException : Exception
{
    internal RedisInboxException(string message, Exception? inner = null) : base(message, inner)
    {
    }

    /// <summary>The effect and its mark may have been stored, both or none.</summary>
    public bool OutcomeUnknown { get; internal init; }

    /// <summary>
    /// The transaction was carried out, and the answer of a command in it is an error or did not come: the other commands were done, the mark is stored, and a redelivery does nothing. What is missing is left to whoever sees this.
    /// </summary>
    public bool TokenTaken { get; internal init; }
}

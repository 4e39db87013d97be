namespace OrleansMq;

/// <summary>A refused request. Nothing has changed, except under <see cref="ErrorCodes.OutcomeUnknown"/>.</summary>
public sealed class MqException : Exception
{
    public MqException(string code, string detail, TimeSpan? retryAfter = null, Exception? inner = null)
        : base(detail, inner) => (Code, RetryAfter) = (code, retryAfter);

    public MqException(MqError error) : this(error.Code, error.Detail, error.RetryAfter) { }

    /// <summary>One of <see cref="ErrorCodes"/>.</summary>
    public string Code { get; }

    /// <summary>When it may be worth asking again.</summary>
    public TimeSpan? RetryAfter { get; }

    public MqError Error => new(Code, Message, RetryAfter);

    public bool IsRetriable => ErrorCodes.IsRetriable(Code);
}

/// <summary>A refusal as a value, for answers that hold several.</summary>
public sealed record MqError(string Code, string Detail, TimeSpan? RetryAfter = null);

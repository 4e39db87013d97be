namespace OrleansMq;

/// <summary>
/// The responder refused the request. Also thrown by a responder's handler, to say what the requester is to know; of any other exception he learns no more than its kind.
/// </summary>
public sealed class ReplyErrorException(string code, string detail, Exception? inner = null) : Exception(detail, inner)
{
    /// <summary>The responder's word; <see cref="Replies.HandlerFailed"/> where he had none.</summary>
    public string Code => code;

    /// <summary>At the requester: the whole reply.</summary>
    public StoredMessage? Reply { get; init; }
}

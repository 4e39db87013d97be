using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OrleansMq;

/// <summary>How a reply is made of its request: for responders that are no <see cref="Responder"/>.</summary>
public static class Replies
{
    /// <summary>The header that makes a reply a refusal: its value is a code, the body says more as text.</summary>
    public const string ErrorHeader = "reply-error";

    /// <summary>The code where a handler threw something that says no other.</summary>
    public const string HandlerFailed = "handler-failed";

    /// <summary>The code where the handler's reply was refused by the broker: too large, malformed.</summary>
    public const string ReplyUnfit = "reply-unfit";

    /// <summary>
    /// The reply as it is to be published to <see cref="ReplyAddress.Topic"/> of the request's <see cref="StoredMessage.ReplyTo"/>: with its partition, the request's correlation id, and
    /// a token derived from the request, so that of the replies to one request that was delivered again one is stored.
    /// </summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: the request asks for no reply, or at no address.</exception>
    public static Message To(StoredMessage request, Message reply) => ReplyAddress.TryParse(request.ReplyTo, out var address)
        ? reply with { CorrelationId = request.CorrelationId, Partition = address.Partition, Token = TokenOf(request) }
        : throw new MqException(ErrorCodes.Malformed, request.ReplyTo is null ? "The message asks for no reply." : $"'{request.ReplyTo}' is no address for a reply: topic, or topic/partition.");

    /// <summary>A refusal, to be given to <see cref="To"/>.</summary>
    /// <param name="code">For programs: a word such as <c>out-of-stock</c>.</param>
    /// <param name="detail">For people.</param>
    public static Message Error(string code, string detail) => Message.OfText(detail) with { Headers = [new(ErrorHeader, code)] };

    /// <summary>The code of a refusal; null where the reply is none.</summary>
    public static string? ErrorOf(StoredMessage reply)
    {
        foreach (var (name, value) in reply.Headers)
            if (name == ErrorHeader)
                return value;
        return null;
    }

    /// <summary>Publishes the reply to a request. Called again, it stores nothing more (within the token window of the reply topic).</summary>
    /// <exception cref="MqException">The request asks for no reply, or the reply was refused.</exception>
    public static async ValueTask<PublishResult> Reply(this IBroker broker, StoredMessage request, Message reply, CancellationToken cancel = default)
    {
        var made = To(request, reply);
        _ = ReplyAddress.TryParse(request.ReplyTo, out var address);
        return (await broker.Publish(address.Topic, [made], cancel: cancel))[0] is var result && result.Error is { } error ? throw new MqException(error) : result;
    }

    // Position and time tell requests apart whose senders give the same correlation id twice, also where a topic was made anew; a digest keeps it within a token's length.
    private static string TokenOf(StoredMessage request)
    {
        var origin = request.DeadLetter?.Origin ?? request.Position;
        var text = string.Create(CultureInfo.InvariantCulture, $"{request.CorrelationId?.Length ?? -1}:{request.CorrelationId}{request.Token?.Length ?? -1}:{request.Token}{origin}/{request.Timestamp.ToUnixTimeMilliseconds()}");
        return "reply-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}

using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace OrleansMq.Webhooks;

/// <summary>
/// A delivery as a request: its body as it is, Standard Webhooks' <c>webhook-id</c>, <c>webhook-timestamp</c> and <c>webhook-signature</c>, and what else there is under <c>mq-</c>. Headers by
/// which Kafka's clients mark a CloudEvent (<c>ce_</c>) become those of HTTP's (<c>ce-</c>).
/// </summary>
internal static class WebhookRequest
{
    /// <summary>Of all headers together, names too. What servers take by default: 16 KiB (nginx 4 × 8, Node.js 16, Kestrel 32).</summary>
    public const int MaxHeaderBytes = 14 << 10;

    private const string OfApplication = "mq-header-";
    private const string KafkaCloudEvent = "ce_";

    private static readonly SearchValues<char> CloudEventName = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789");

    // RFC 9110's token, but for the % that encodes the others.
    private const string TokenMarks = "!#$&'*+-.^_`|~";

    /// <exception cref="DeadLetterException">It has more headers than servers take.</exception>
    public static HttpRequestMessage Of(Webhook webhook, Delivery delivery, DateTimeOffset now)
    {
        var id = IdOf(webhook.Topic, delivery);
        var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url) { Content = new ReadOnlyMemoryContent(delivery.Body) };
        request.Content.Headers.ContentType = IsPlain(delivery.ContentType) && MediaTypeHeaderValue.TryParse(delivery.ContentType, out var type) ? type : new("application/octet-stream");
        var headers = Signed(webhook, id, now, delivery.Body.Span);
        headers.AddRange(Facts(webhook, delivery));
        headers.AddRange(delivery.Headers.Select(header => new KeyValuePair<string, string>(NameOf(header.Key), Encode(header.Value, ValueStays))));
        var bytes = headers.Sum(header => header.Key.Length + header.Value.Length + 4);
        if (bytes > MaxHeaderBytes)
            throw new DeadLetterException($"webhook: the message's headers take {bytes} bytes of HTTP, and {MaxHeaderBytes} is the limit");
        foreach (var (name, value) in headers)
            if (!request.Headers.TryAddWithoutValidation(name, value))
                throw new DeadLetterException($"webhook: the header '{name}' can't be sent over HTTP");
        return request;
    }

    /// <summary>Without a message, so that a receiver can be tried.</summary>
    public static HttpRequestMessage OfPing(Webhook webhook, DateTimeOffset now)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new { ping = true, topic = webhook.Topic.Text, group = webhook.Group.Text });
        var request = new HttpRequestMessage(HttpMethod.Post, webhook.Url) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        foreach (var (name, value) in Signed(webhook, "ping_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), now, body))
            request.Headers.Add(name, value);
        request.Headers.Add("mq-ping", "true");
        return request;
    }

    private static List<KeyValuePair<string, string>> Signed(Webhook webhook, string id, DateTimeOffset now, ReadOnlySpan<byte> body)
    {
        var headers = new List<KeyValuePair<string, string>> { new("webhook-id", id), new("webhook-timestamp", Number(now.ToUnixTimeSeconds())) };
        var signatures = new List<string>(webhook.Secrets.Count);
        foreach (var secret in webhook.Secrets)
            signatures.Add(secret.Sign(id, now.ToUnixTimeSeconds(), body));
        if (signatures.Count > 0)
            headers.Add(new("webhook-signature", string.Join(' ', signatures)));
        return headers;
    }

    // A line's end in it would begin a header of the sender's choice.
    private static bool IsPlain(string? text) => text is { Length: <= 1_024 } && text.All(c => c is >= ' ' and <= '~');

    /// <summary>The same each time a message is delivered, also when it was redriven, and no other's: also not of another topic under the same name.</summary>
    public static string IdOf(TopicName topic, Delivery delivery)
    {
        var origin = delivery.DeadLetter?.Origin ?? delivery.Position;
        var text = string.Create(CultureInfo.InvariantCulture, $"{topic}/{origin}/{delivery.Timestamp.ToUnixTimeMilliseconds()}");
        return "msg_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
    }

    private static IEnumerable<KeyValuePair<string, string>> Facts(Webhook webhook, Delivery delivery)
    {
        (string Name, string? Value)[] facts =
        [
            ("mq-topic", webhook.Topic.Text),
            ("mq-group", webhook.Group.Text),
            ("mq-position", delivery.Position.ToString()),
            ("mq-timestamp", delivery.Timestamp.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)),
            ("mq-delivery-count", Number(delivery.DeliveryCount)),
            ("mq-key", delivery.KeyText),
            ("mq-token", delivery.Token),
            ("mq-correlation-id", delivery.CorrelationId),
            ("mq-reply-to", delivery.ReplyTo),
            ("mq-routing-key", delivery.RoutingKey),
            ("mq-tombstone", delivery.Tombstone ? "true" : null),
        ];
        return facts.Where(fact => fact.Value is not null).Select(fact => new KeyValuePair<string, string>(fact.Name, Encode(fact.Value!, ValueStays)));
    }

    // CloudEvents' names of attributes: lower-case letters and digits.
    private static string NameOf(string name) =>
        name.StartsWith(KafkaCloudEvent, StringComparison.Ordinal) && name.Length > KafkaCloudEvent.Length
            && !name.AsSpan(KafkaCloudEvent.Length).ContainsAnyExcept(CloudEventName)
            ? "ce-" + name[KafkaCloudEvent.Length..]
            : OfApplication + Encode(name, c => char.IsAsciiLetterOrDigit(c) || TokenMarks.Contains(c, StringComparison.Ordinal));

    // CloudEvents' rule for values in HTTP headers. A blank at an end would be taken away.
    private static bool ValueStays(char c) => c is > ' ' and <= '~' and not ('%' or '"');

    private static string Encode(string text, Func<char, bool> stays)
    {
        if (text.All(stays))
            return text;
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var one in Encoding.UTF8.GetBytes(text))
        {
            if (stays((char)one) && one < 0x80)
                encoded.Append((char)one);
            else
                encoded.Append(CultureInfo.InvariantCulture, $"%{one:X2}");
        }

        return encoded.ToString();
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

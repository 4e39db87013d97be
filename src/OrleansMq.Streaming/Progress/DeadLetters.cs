using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OrleansMq.Streaming;

/// <summary>
/// Where refused events go: a copy of the message, in the same partition of the dead-letter topic, with the reason and its origin as headers. Its token names
/// origin and subscription, so that it stands there once, however often the move is repeated.
/// </summary>
internal sealed class DeadLetters(StreamTopic topic, StreamKey keys, TimeProvider time)
{
    public const string Reason = "dead-reason";
    public const string Origin = "dead-origin";
    public const string Subscription = "dead-subscription";
    public const string Deliveries = "dead-deliveries";
    public const string At = "dead-at";

    private const int MaxReason = 1024;

    public async Task Move(StreamId stream, int partition, StreamEvent refused, Guid subscription, int deliveries, string reason)
    {
        var headers = new List<KeyValuePair<string, string>>(refused.Headers ?? []);
        if (refused.IsOrleans)
            headers.Add(StreamHeaders.MarkedOrleans[0]);
        headers.Add(new(Reason, reason.Length <= MaxReason ? reason : reason[..MaxReason]));
        headers.Add(new(Origin, $"{topic.Name}:{new Position(partition, refused.Offset)}"));
        headers.Add(new(Subscription, subscription.ToString("N")));
        headers.Add(new(Deliveries, deliveries.ToString(CultureInfo.InvariantCulture)));
        headers.Add(new(At, time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture)));
        var letter = new Message
        {
            Key = keys.Write(stream),
            Body = refused.Body,
            ContentType = refused.ContentType,
            Headers = headers,
            Partition = partition,
            Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, refused.TimestampMs)),
            Token = Token(topic.Group, $"/{refused.Log?.TopicId:N}/{refused.Log?.Epoch}/{new Position(partition, refused.Offset)}/{subscription:N}"),
        };
        var stored = await topic.Broker.Publish(topic.DeadLetters, [letter], new PublishOptions { Acks = Acks.Durable });
        stored[0].OrThrow();
        StreamDiagnostics.DeadLettered(topic.Name);
    }

    /// <summary>A group's name may be nearly as long as a token: where both have no room, a hash stands for the name, behind a sign that no name has.</summary>
    private static string Token(GroupName group, string rest) =>
        group.Text.Length + rest.Length <= MessageCodec.MaxTokenBytes ? group.Text + rest : $"#{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(group.Text)))}{rest}";
}

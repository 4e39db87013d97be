using System.Text;
using System.Text.Json;
using OrleansMq.Json;

namespace OrleansMq.Cli.Input;

/// <summary>A message object of HTTP v1, one to a line: as it is sent, or as it was browsed, so that what <c>mq browse --json</c> prints can be sent again.</summary>
internal static class MessageLine
{
    /// <exception cref="FormatException">What is wrong with it.</exception>
    public static Message Parse(string line)
    {
        try
        {
            var utf8 = Encoding.UTF8.GetBytes(line);
            return JsonForm.ReadRequest(utf8, WasStored) ? Again(JsonForm.ReadAnswer(utf8, StoredMessageJson.Read)) : JsonForm.ReadRequest(utf8, MessageJson.Read);
        }
        catch (MqException e) when (e.Code == ErrorCodes.Malformed)
        {
            throw new FormatException(e.Message.TrimEnd('.'), e);
        }
    }

    /// <summary>The same message, to be sent anew: its place is chosen again.</summary>
    public static Message Again(StoredMessage stored) => new()
    {
        Key = stored.Key,
        Body = stored.Body,
        Tombstone = stored.Tombstone,
        ContentType = stored.ContentType,
        Headers = stored.Headers,
        Token = stored.Token,
        CorrelationId = stored.CorrelationId,
        ReplyTo = stored.ReplyTo,
        RoutingKey = stored.RoutingKey,
        Priority = stored.Priority,
        Timestamp = stored.Timestamp,
    };

    private static bool WasStored(JsonSpot line) => line.Value is { ValueKind: JsonValueKind.Object } message && message.TryGetProperty("position", out _);
}

using System.Buffers;
using OrleansMq.Json;

namespace OrleansMq.Webhooks;

/// <summary>
/// Registered webhooks as they are stored: JSON, strictly read, so that what an older program does not know stops it.
/// <code>{"version":1,"webhooks":[{"topic":"orders","group":"partner","url":"https://…","secrets":["whsec_…"],"timeoutMs":10000,"maxInFlight":16}]}</code>
/// </summary>
internal static class WebhookDocument
{
    private const int Version = 1;

    public static byte[] Write(IReadOnlyList<Webhook> webhooks)
    {
        var buffer = new ArrayBufferWriter<byte>();
        JsonForm.Write(buffer, writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            writer.WriteStartArray("webhooks");
            foreach (var webhook in webhooks)
            {
                writer.WriteStartObject();
                writer.WriteString("topic", webhook.Topic.Text);
                writer.WriteString("group", webhook.Group.Text);
                writer.WriteString("url", webhook.Url.OriginalString);
                writer.WriteStartArray("secrets");
                foreach (var secret in webhook.Secrets)
                    writer.WriteStringValue(secret.Reveal());
                writer.WriteEndArray();
                writer.WriteNumber("timeoutMs", Durations.Milliseconds(webhook.Timeout));
                writer.WriteNumber("maxInFlight", webhook.MaxInFlight);
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="FormatException">It is no such document; the place is in the text, never a secret.</exception>
    public static IReadOnlyList<Webhook> Read(ReadOnlyMemory<byte> utf8) => WebhookFile.ReadJson(utf8, Read);

    private static IReadOnlyList<Webhook> Read(JsonSpot spot)
    {
        int? version = null;
        IReadOnlyList<Webhook> webhooks = [];
        foreach (var field in spot.Fields())
        {
            if (field.Name == "version")
                version = field.Int32();
            else if (field.Name == "webhooks")
                webhooks = field.Items(WebhookBook.MaxWebhooks, WebhookFile.WebhookOf);
            else
                field.Unknown();
        }

        return version == Version ? webhooks : throw spot.Malformed($"has version {version?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}; this program reads version {Version}");
    }
}

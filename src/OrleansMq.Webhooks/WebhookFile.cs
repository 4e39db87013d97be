using System.Net;
using System.Text.Json;

namespace OrleansMq.Webhooks;

/// <summary>The webhooks of a broker as a file has them.</summary>
/// <remarks><c>{"allowHttp":false,"networks":["10.1.0.0/16"],"webhooks":[{"topic","group","url","secrets":["whsec_…"],"timeoutMs":10000,"maxInFlight":16}]}</c></remarks>
public sealed record WebhookFile(WebhookRules Rules, IReadOnlyList<Webhook> Webhooks)
{
    public const int MaxWebhooks = 1_000;
    public const int MaxBytes = 4 << 20;

    /// <exception cref="FormatException">What is wrong, and where.</exception>
    public static WebhookFile Parse(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length > MaxBytes)
            throw new FormatException($"it has {utf8.Length} bytes, and {MaxBytes} is the limit");
        try
        {
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            return Read(Spot.Of(document.RootElement, ["allowHttp", "networks", "webhooks"], "the file"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter: a text that is not UTF-8, or half a character.
            throw new FormatException($"it is no JSON: {e.Message}", e);
        }
    }

    private static WebhookFile Read(Spot file)
    {
        var rules = new WebhookRules { AllowHttp = file.Flag("allowHttp"), Networks = [.. file.Texts("networks").Select(NetworkOf)] };
        var webhooks = file.Items("webhooks").Select((item, i) => WebhookOf(item, $"webhooks[{i}]").Checked(rules)).ToList();
        if (webhooks.Count > MaxWebhooks)
            throw new FormatException($"it has {webhooks.Count} webhooks, and {MaxWebhooks} is the limit");
        if (webhooks.GroupBy(webhook => (webhook.Topic, webhook.Group)).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new FormatException($"{twice.First()}: it is there twice; another receiver needs another group");
        return new WebhookFile(rules, webhooks);
    }

    private static Webhook WebhookOf(JsonElement item, string where)
    {
        var spot = Spot.Of(item, ["topic", "group", "url", "secrets", "timeoutMs", "maxInFlight"], where);
        try
        {
            var standard = new Webhook { Topic = spot.Text("topic"), Group = spot.Text("group"), Url = Address(spot.Text("url"), where) };
            return standard with
            {
                Secrets = [.. spot.Texts("secrets").Select(WebhookSecret.Parse)],
                Timeout = spot.Number("timeoutMs") is { } ms ? TimeSpan.FromMilliseconds(ms) : standard.Timeout,
                MaxInFlight = spot.Number("maxInFlight") ?? standard.MaxInFlight,
            };
        }
        catch (Exception e) when (e is MqException or FormatException && !e.Message.StartsWith(where, StringComparison.Ordinal))
        {
            throw new FormatException($"{where}: {e.Message}", e);
        }
    }

    private static Uri Address(string text, string where) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) ? address : throw new FormatException($"{where}: url is no address");

    private static IPNetwork NetworkOf(string text) =>
        IPNetwork.TryParse(text, out var network) ? network : throw new FormatException($"networks: '{text}' is no network such as 10.1.0.0/16");

    /// <summary>An object of the file, none of whose fields is unknown: a mistyped one would be a rule that is not there.</summary>
    private readonly record struct Spot(JsonElement Element, string Where)
    {
        public static Spot Of(JsonElement element, string[] fields, string where)
        {
            if (element.ValueKind != JsonValueKind.Object)
                throw new FormatException($"{where} is no object");
            foreach (var field in element.EnumerateObject())
                if (!fields.Contains(field.Name))
                    throw new FormatException($"{where}: there is no '{field.Name}'; there are {string.Join(", ", fields)}");
            return new Spot(element, where);
        }

        public string Text(string name) =>
            Element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new FormatException($"{Where}: {name} is no text");

        public bool Flag(string name) => Element.TryGetProperty(name, out var value) && (value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw new FormatException($"{Where}: {name} is true or false"));

        public int? Number(string name) => !Element.TryGetProperty(name, out var value) ? null
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : throw new FormatException($"{Where}: {name} is no whole number");

        public IReadOnlyList<JsonElement> Items(string name) => !Element.TryGetProperty(name, out var value) ? []
            : value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw new FormatException($"{Where}: {name} is no list");

        public IEnumerable<string> Texts(string name)
        {
            var where = Where;
            return Items(name).Select(item => item.ValueKind == JsonValueKind.String ? item.GetString()! : throw new FormatException($"{where}: {name} is a list of texts"));
        }
    }
}

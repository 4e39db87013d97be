using System.Net;
using System.Text.Json;
using System.Text.Unicode;
using OrleansMq.Json;

namespace OrleansMq.Webhooks;

/// <summary>The webhooks of a broker as a file has them.</summary>
/// <remarks><c>{"allowHttp":false,"networks":["10.1.0.0/16"],"webhooks":[{"topic","group","url","secrets":["whsec_…"],"timeoutMs":10000,"maxInFlight":16}],"api":{"allowHttp":false,"networks":[]}}</c></remarks>
public sealed record WebhookFile(WebhookRules Rules, IReadOnlyList<Webhook> Webhooks)
{
    /// <summary>For webhooks that are registered with the broker. What the file's own may do is not theirs.</summary>
    public WebhookRules ApiRules { get; init; } = new();

    public const int MaxWebhooks = 1_000;
    public const int MaxNetworks = 1_000;
    public const int MaxUrlChars = WebhookChange.MaxUrlChars;
    public const int MaxBytes = 4 << 20;

    // People write it.
    private static readonly JsonDocumentOptions Reading = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <exception cref="FormatException">What is wrong, and where.</exception>
    public static WebhookFile Parse(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.Length > MaxBytes)
            throw new FormatException($"it has {utf8.Length} bytes, and {MaxBytes} is the limit");
        return ReadJson(utf8, Read);
    }

    /// <exception cref="FormatException">What is wrong, and where.</exception>
    internal static T ReadJson<T>(ReadOnlyMemory<byte> utf8, Func<JsonSpot, T> read)
    {
        // The parser looks at a text's encoding only when it is asked for.
        if (!Utf8.IsValid(utf8.Span))
            throw new FormatException("it is not UTF-8");
        try
        {
            using var document = JsonDocument.Parse(utf8, Reading);
            return read(new JsonSpot(document.RootElement, strict: true));
        }
        catch (JsonException e)
        {
            throw new FormatException($"it is no JSON: {e.Message}", e);
        }
        catch (MqException e)
        {
            throw new FormatException(e.Message.TrimEnd('.'), e);
        }
    }

    private static WebhookFile Read(JsonSpot file)
    {
        var (rules, apiRules) = (new WebhookRules(), new WebhookRules());
        IReadOnlyList<Webhook> webhooks = [];
        foreach (var field in file.Fields())
        {
            if (field.Name == "webhooks")
                webhooks = field.Items(MaxWebhooks, WebhookOf);
            else if (field.Name == "api")
                apiRules = field.Fields().Aggregate(apiRules, WithRule);
            else
                rules = WithRule(rules, field);
        }

        foreach (var webhook in webhooks)
            webhook.Checked(rules);
        if (webhooks.GroupBy(webhook => (webhook.Topic, webhook.Group)).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new FormatException($"{twice.First()}: it is there twice; another receiver needs another group");
        return new WebhookFile(rules, webhooks) { ApiRules = apiRules };
    }

    private static WebhookRules WithRule(WebhookRules rules, JsonSpot field) => field.Name switch
    {
        "allowHttp" => rules with { AllowHttp = field.Flag() },
        "networks" => rules with { Networks = field.Items(MaxNetworks, item => Parsed(item, NetworkOf)) },
        _ => throw Unknown(field),
    };

    internal static Webhook WebhookOf(JsonSpot spot)
    {
        TopicName? topic = null;
        GroupName? group = null;
        Uri? url = null;
        IReadOnlyList<WebhookSecret> secrets = [];
        TimeSpan? timeout = null;
        int? maxInFlight = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "topic")
                topic = Parsed(field, text => new TopicName(text));
            else if (field.Name == "group")
                group = Parsed(field, text => new GroupName(text));
            else if (field.Name == "url")
                url = Parsed(field, AddressOf);
            else if (field.Name == "secrets")
                secrets = field.Items(Webhook.MaxSecrets, item => Parsed(item, WebhookSecret.Parse));
            else if (field.Name == "timeoutMs")
                timeout = field.Milliseconds(1, (long)Webhook.MaxTimeout.TotalMilliseconds);
            else if (field.Name == "maxInFlight")
                maxInFlight = field.Int32(1, Webhook.MostInFlight);
            else
                throw Unknown(field);
        }

        var webhook = new Webhook { Topic = topic ?? throw spot.Missing("topic"), Group = group ?? throw spot.Missing("group"), Url = url ?? throw spot.Missing("url"), Secrets = secrets };
        return webhook with { Timeout = timeout ?? webhook.Timeout, MaxInFlight = maxInFlight ?? webhook.MaxInFlight };
    }

    private static T Parsed<T>(JsonSpot spot, Func<string, T> parse)
    {
        var text = spot.Text(MaxUrlChars);
        try
        {
            return parse(text);
        }
        catch (Exception e) when (e is MqException or FormatException)
        {
            throw new FormatException($"{spot.Path}: {e.Message.TrimEnd('.')}", e);
        }
    }

    private static Uri AddressOf(string text) => Uri.TryCreate(text, UriKind.Absolute, out var address) ? address : throw new FormatException("it is no address");

    private static IPNetwork NetworkOf(string text) => IPNetwork.TryParse(text, out var network) ? network : throw new FormatException("it is no network such as 10.1.0.0/16");

    // A mistyped name would be a rule that is not there.
    private static MqException Unknown(JsonSpot field) => field.Malformed("is no field of a file of webhooks");
}

using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Webhooks. A secret goes in and never comes out.</summary>
public static class WebhookJson
{
    /// <summary><c>{"url":"https://…","secrets":["whsec_…"],"timeoutMs":10000,"maxInFlight":16}</c></summary>
    public static WebhookChange ReadChange(JsonSpot spot)
    {
        var change = new WebhookChange();
        foreach (var field in spot.Fields())
        {
            change = field.Name switch
            {
                "url" => change with { Url = AddressOf(field) },
                "secrets" => change with { Secrets = field.Change(f => f.Items(WebhookChange.MaxSecrets, item => item.Text(WebhookChange.MaxSecretChars))) },
                "timeoutMs" => change with { Timeout = field.Change(f => f.Milliseconds(1, WebhookChange.MaxTimeoutMs)) },
                "maxInFlight" => change with { MaxInFlight = field.Change(f => f.Int32(1, WebhookChange.MostInFlight)) },
                _ => field.Unknown(change),
            };
        }
        return change;
    }

    public static void WriteChange(Utf8JsonWriter writer, WebhookChange change)
    {
        writer.WriteStartObject();
        writer.WriteTextUnlessNull("url", change.Url?.OriginalString);
        writer.WriteChange("secrets", change.Secrets, WriteTexts);
        writer.WriteChange("timeoutMs", change.Timeout, (w, timeout) => w.WriteNumberValue(Durations.Milliseconds(timeout)));
        writer.WriteChange("maxInFlight", change.MaxInFlight, (w, most) => w.WriteNumberValue(most));
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, WebhookDescription webhook)
    {
        writer.WriteStartObject();
        writer.WriteString("topic", webhook.Topic.Text);
        writer.WriteString("group", webhook.Group.Text);
        writer.WriteString("url", webhook.Url.OriginalString);
        writer.WriteList("secretFingerprints", webhook.SecretFingerprints, (w, text) => w.WriteStringValue(text));
        writer.WriteMs("timeoutMs", webhook.Timeout);
        writer.WriteNumber("maxInFlight", webhook.MaxInFlight);
        writer.WritePropertyName("state");
        WriteState(writer, webhook.State);
        writer.WriteEndObject();
    }

    public static WebhookDescription Read(JsonSpot spot, bool created = false)
    {
        (TopicName? topic, GroupName? group, Uri? url, WebhookState? state, IReadOnlyList<string> fingerprints) = (null, null, null, null, []);
        (var timeout, var maxInFlight) = (TimeSpan.Zero, 0);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "topic": topic = new TopicName(field.Text()); break;
                case "group": group = new GroupName(field.Text()); break;
                case "url": url = AddressOf(field); break;
                case "secretFingerprints": fingerprints = field.Items(int.MaxValue, item => item.Text()); break;
                case "timeoutMs": timeout = field.Milliseconds(); break;
                case "maxInFlight": maxInFlight = field.Int32(); break;
                case "state": state = ReadState(field); break;
                default: field.Unknown(); break;
            }
        }
        return new WebhookDescription
        {
            Topic = topic ?? throw spot.Missing("topic"),
            Group = group ?? throw spot.Missing("group"),
            Url = url ?? throw spot.Missing("url"),
            SecretFingerprints = fingerprints,
            Timeout = timeout,
            MaxInFlight = maxInFlight,
            State = state ?? throw spot.Missing("state"),
            Created = created,
        };
    }

    /// <summary><c>{"taken":true,"answer":"204","tookMs":12}</c></summary>
    public static void WriteTrial(Utf8JsonWriter writer, WebhookTrial trial)
    {
        writer.WriteStartObject();
        writer.WriteBoolean("taken", trial.Taken);
        writer.WriteString("answer", trial.Answer);
        writer.WriteMs("tookMs", trial.Took);
        writer.WriteEndObject();
    }

    public static WebhookTrial ReadTrial(JsonSpot spot)
    {
        var trial = new WebhookTrial(false, "", TimeSpan.Zero);
        foreach (var field in spot.Fields())
        {
            trial = field.Name switch
            {
                "taken" => trial with { Taken = field.Flag() },
                "answer" => trial with { Answer = field.Text() },
                "tookMs" => trial with { Took = field.Milliseconds() },
                _ => field.Unknown(trial),
            };
        }
        return trial;
    }

    private static void WriteState(Utf8JsonWriter writer, WebhookState state)
    {
        writer.WriteStartObject();
        writer.WriteString("node", state.Node);
        writer.WriteString("health", Words.WebhookHealth.Write(state.Health));
        writer.WriteTextUnlessNull("reason", state.Reason);
        if (state.FailingSince is { } since)
            writer.WriteTime("failingSince", since);
        writer.WriteTextUnlessNull("lastAnswer", state.LastAnswer);
        if (state.LastAnswerAt is { } at)
            writer.WriteTime("lastAnswerAt", at);
        writer.WriteNumber("pushed", state.Pushed);
        writer.WriteNumber("refused", state.Refused);
        writer.WriteEndObject();
    }

    private static WebhookState ReadState(JsonSpot spot)
    {
        var state = new WebhookState { Node = "", Health = WebhookHealth.Idle };
        foreach (var field in spot.Fields())
        {
            state = field.Name switch
            {
                "node" => state with { Node = field.Text() },
                "health" => state with { Health = field.Word(Words.WebhookHealth) },
                "reason" => state with { Reason = field.Text() },
                "failingSince" => state with { FailingSince = field.Time() },
                "lastAnswer" => state with { LastAnswer = field.Text() },
                "lastAnswerAt" => state with { LastAnswerAt = field.Time() },
                "pushed" => state with { Pushed = field.Int64(0) },
                "refused" => state with { Refused = field.Int64(0) },
                _ => field.Unknown(state),
            };
        }
        return state;
    }

    private static void WriteTexts(Utf8JsonWriter writer, IReadOnlyList<string> texts)
    {
        writer.WriteStartArray();
        foreach (var text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }

    private static Uri AddressOf(JsonSpot spot) => Uri.TryCreate(spot.Text(WebhookChange.MaxUrlChars), UriKind.Absolute, out var address) ? address : throw spot.Malformed("is no address");
}

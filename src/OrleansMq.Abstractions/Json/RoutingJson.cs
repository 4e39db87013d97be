using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Exchanges, bindings, and what became of messages that were sent to an exchange.</summary>
public static class RoutingJson
{
    private const int MaxHeaders = 1_000;

    /// <summary><c>{"kind":"direct","alternate":"…"}</c>; both may be left out, and <c>"alternate":null</c> takes it away.</summary>
    public static ExchangeChange ReadChange(JsonSpot spot)
    {
        var change = new ExchangeChange();
        foreach (var field in spot.Fields())
        {
            change = field.Name switch
            {
                "kind" => change with { Kind = field.OrNull(f => f.Word(Words.ExchangeKind)) },
                "alternate" => change with { Alternate = field.Change<ExchangeName?>(f => new ExchangeName(f.Text())) },
                _ => field.Unknown(change),
            };
        }

        return change;
    }

    public static void WriteChange(Utf8JsonWriter writer, ExchangeChange change)
    {
        writer.WriteStartObject();
        if (change.Kind is { } kind)
            writer.WriteString("kind", Words.ExchangeKind.Write(kind));
        writer.WriteChange("alternate", change.Alternate, (w, name) => w.WriteStringValue(name!.Value.Text));
        writer.WriteEndObject();
    }

    public static void Write(Utf8JsonWriter writer, ExchangeDescription exchange)
    {
        writer.WriteStartObject();
        writer.WriteString("name", exchange.Name.Text);
        writer.WriteString("kind", Words.ExchangeKind.Write(exchange.Kind));
        writer.WriteTextUnlessNull("alternate", exchange.Alternate?.Text);
        writer.WriteList("bindings", exchange.Bindings, WriteBinding);
        writer.WriteEndObject();
    }

    public static ExchangeDescription Read(JsonSpot spot, bool created = false)
    {
        ExchangeName? name = null, alternate = null;
        var kind = ExchangeKind.Direct;
        IReadOnlyList<Binding> bindings = [];
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "name": name = new ExchangeName(field.Text()); break;
                case "kind": kind = field.Word(Words.ExchangeKind); break;
                case "alternate": alternate = OrNull(field, text => new ExchangeName(text)); break;
                case "bindings": bindings = field.Items(int.MaxValue, ReadBinding); break;
                default: field.Unknown(); break;
            }
        }

        return new ExchangeDescription { Name = name ?? throw spot.Missing("name"), Kind = kind, Alternate = alternate, Bindings = bindings, Created = created };
    }

    /// <summary><c>{"topic" or "exchange":"…","key":"…","headers":{"name":"value" or null},"match":"all" or "any"}</c></summary>
    public static void WriteBinding(Utf8JsonWriter writer, Binding binding)
    {
        writer.WriteStartObject();
        writer.WriteTextUnlessNull("topic", binding.Topic?.Text);
        writer.WriteTextUnlessNull("exchange", binding.Exchange?.Text);
        if (binding.Key.Length > 0)
            writer.WriteString("key", binding.Key);
        if (binding.Headers.Count > 0)
        {
            writer.WriteStartObject("headers");
            foreach (var (name, value) in binding.Headers)
                writer.WriteString(name, value);
            writer.WriteEndObject();
        }

        if (binding.AnyHeader)
            writer.WriteString("match", "any");
        writer.WriteEndObject();
    }

    public static Binding ReadBinding(JsonSpot spot)
    {
        var binding = new Binding();
        foreach (var field in spot.Fields())
        {
            binding = field.Name switch
            {
                "topic" => binding with { Topic = OrNull(field, text => new TopicName(text)) },
                "exchange" => binding with { Exchange = OrNull(field, text => new ExchangeName(text)) },
                "key" => binding with { Key = field.Text() },
                "headers" => binding with { Headers = field.Fields().ToDictionary(header => header.Name, header => header.IsNull ? null : header.Text()) },
                "match" => binding with { AnyHeader = IsAny(field) },
                _ => field.Unknown(binding),
            };
        }

        return binding;
    }

    /// <summary>What <c>route</c> asks about: messages with their routing key, or key, and headers; the rest of a message may stand beside it.</summary>
    public static IReadOnlyList<RoutingFacts> ReadFacts(JsonSpot spot) => spot.IsArray ? spot.Items(MessageJson.MaxMessages, ReadFact) : [ReadFact(spot)];

    public static void WriteFacts(Utf8JsonWriter writer, IReadOnlyList<RoutingFacts> messages)
    {
        writer.WriteStartArray();
        foreach (var message in messages)
        {
            writer.WriteStartObject();
            writer.WriteString("routingKey", message.Key);
            MessageJson.WriteHeaders(writer, message.Headers);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary><c>{"routes":[["topic",…],…]}</c></summary>
    public static void WriteRoutes(Utf8JsonWriter writer, IReadOnlyList<IReadOnlyList<TopicName>> routes)
    {
        writer.WriteStartObject();
        writer.WriteList("routes", routes, (w, topics) =>
        {
            w.WriteStartArray();
            foreach (var topic in topics)
                w.WriteStringValue(topic.Text);
            w.WriteEndArray();
        });
        writer.WriteEndObject();
    }

    public static IReadOnlyList<IReadOnlyList<TopicName>> ReadRoutes(JsonSpot spot)
    {
        IReadOnlyList<IReadOnlyList<TopicName>>? routes = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "routes")
                routes = field.Items(int.MaxValue, topics => topics.Items(int.MaxValue, topic => new TopicName(topic.Text())));
            else
                field.Unknown();
        }

        return routes ?? throw spot.Missing("routes");
    }

    /// <summary><c>{"results":[{"copies":[{"topic","position","duplicate"} or {"topic","error"}]}]}</c>; no copies: the message was unroutable.</summary>
    public static void WriteResults(Utf8JsonWriter writer, IReadOnlyList<RoutedResult> results)
    {
        writer.WriteStartObject();
        writer.WriteList("results", results, (w, result) =>
        {
            w.WriteStartObject();
            w.WriteList("copies", result.Copies, WriteCopy);
            w.WriteEndObject();
        });
        writer.WriteEndObject();
    }

    private static void WriteCopy(Utf8JsonWriter writer, RoutedCopy copy)
    {
        writer.WriteStartObject();
        writer.WriteString("topic", copy.Topic.Text);
        PublishJson.WriteResultFields(writer, copy.Result);
        writer.WriteEndObject();
    }

    private static RoutingFacts ReadFact(JsonSpot spot)
    {
        var message = new MessageFields();
        foreach (var field in spot.Fields())
            if (!message.Take(field))
                field.Unknown();
        if (message.Headers.Count > MaxHeaders)
            throw spot.Malformed($"has more than {MaxHeaders} headers");
        return RoutingFacts.Of(message.ToMessage(spot));
    }

    // Not "? null :": that null would be a text, and no name.
    private static T? OrNull<T>(JsonSpot field, Func<string, T> read) where T : struct => field.OrNull(f => read(f.Text()));

    private static bool IsAny(JsonSpot field) => field.Text() switch
    {
        "any" => true,
        "all" => false,
        _ => throw field.Malformed("is none of 'all', 'any'"),
    };
}

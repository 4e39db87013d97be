using System.Text;

namespace OrleansMq;

/// <summary>A way from an exchange to a topic or to another exchange. Two bindings that say the same are one.</summary>
public sealed record Binding
{
    /// <summary>This or <see cref="Exchange"/>.</summary>
    public TopicName? Topic { get; init; }

    public ExchangeName? Exchange { get; init; }

    /// <summary>For the kinds direct and pattern. At most 255 bytes of UTF-8.</summary>
    public string Key { get; init; } = "";

    /// <summary>For the kind headers: names with the value each must have; null: any value.</summary>
    public IReadOnlyDictionary<string, string?> Headers { get; init; } = new Dictionary<string, string?>();

    /// <summary>One of the headers is enough. Else all must be there.</summary>
    public bool AnyHeader { get; init; }

    /// <summary>As AMQP words it: from here to there with this key.</summary>
    public static Binding ToTopic(TopicName topic, string key = "") => new() { Topic = topic, Key = key };

    public static Binding ToExchange(ExchangeName exchange, string key = "") => new() { Exchange = exchange, Key = key };

    public bool Equals(Binding? other) =>
        other is not null && Topic == other.Topic && Exchange == other.Exchange && Key == other.Key && AnyHeader == other.AnyHeader
        && Headers.Count == other.Headers.Count
        && Headers.All(mine => other.Headers.TryGetValue(mine.Key, out var theirs) && theirs == mine.Value);

    public override int GetHashCode() => HashCode.Combine(Topic, Exchange, Key, AnyHeader, Headers.Count);

    public override string ToString()
    {
        var text = new StringBuilder(Topic is { } topic ? $"topic {topic}" : $"exchange {Exchange}");
        if (Key.Length > 0)
            text.Append($" key {Key}");
        foreach (var (name, value) in Headers.OrderBy(header => header.Key, StringComparer.Ordinal))
            text.Append(value is null ? $" {name}" : $" {name}={value}");
        return text.Append(Headers.Count > 1 ? AnyHeader ? " (any)" : " (all)" : "").ToString();
    }
}

/// <summary>What an exchange looks at in a message.</summary>
/// <param name="Key">The routing key: <see cref="Message.RoutingKey"/>, else the message's key as text, else empty.</param>
public sealed record RoutingFacts(string Key, IReadOnlyList<KeyValuePair<string, string>> Headers)
{
    public static RoutingFacts Of(Message message) =>
        new(message.RoutingKey ?? (message.Key is { } key ? Encoding.UTF8.GetString(key.Span) : ""), message.Headers);
}

namespace OrleansMq.Core.Routing;

/// <summary>An exchange's bindings, arranged to be asked.</summary>
public sealed class RouteTable
{
    private readonly Dictionary<string, List<Binding>> _byKey = new(StringComparer.Ordinal);
    private readonly KeyPatterns _patterns = new();

    public RouteTable(ExchangeDocument exchange)
    {
        Exchange = exchange;
        foreach (var binding in exchange.Bindings)
        {
            if (exchange.Kind == ExchangeKind.Pattern)
                _patterns.Add(binding.Key, binding);
            else if (_byKey.TryGetValue(binding.Key, out var same))
                same.Add(binding);
            else
                _byKey[binding.Key] = [binding];
        }
    }

    public ExchangeDocument Exchange { get; }

    /// <summary>The exchanges to which a message may go from here at the next step.</summary>
    public IEnumerable<ExchangeName> Next =>
        Exchange.Bindings.Select(binding => binding.Exchange).Append(Exchange.Alternate).OfType<ExchangeName>().Distinct();

    /// <summary>
    /// The topics that a message goes to, in ordinal order and each once: along all bindings that match, and where an exchange has none that does, along its alternate.
    /// </summary>
    /// <param name="find">Null: there is no such exchange (any more); what leads there leads nowhere.</param>
    public static IReadOnlyList<TopicName> Route(RouteTable start, RoutingFacts message, Func<ExchangeName, RouteTable?> find)
    {
        var topics = new SortedSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<ExchangeName> { start.Exchange.Name };
        var left = new Queue<RouteTable>([start]);
        while (left.TryDequeue(out var table))
        {
            var matching = table.Matching(message);
            foreach (var binding in matching)
            {
                if (binding.Topic is { } topic)
                    topics.Add(topic.Text);
                else
                    Visit(binding.Exchange);
            }

            if (matching.Count == 0)
                Visit(table.Exchange.Alternate);
        }

        return [.. topics.Select(topic => new TopicName(topic))];

        void Visit(ExchangeName? exchange)
        {
            if (exchange is { } name && seen.Add(name) && find(name) is { } next)
                left.Enqueue(next);
        }
    }

    private IReadOnlyList<Binding> Matching(RoutingFacts message)
    {
        switch (Exchange.Kind)
        {
            case ExchangeKind.Fanout:
                return Exchange.Bindings;
            case ExchangeKind.Headers:
                return [.. Exchange.Bindings.Where(binding => HasHeaders(binding, message.Headers))];
            case ExchangeKind.Pattern:
                var found = new List<Binding>();
                _patterns.Match(message.Key, found);
                return found;
            default:
                return _byKey.TryGetValue(message.Key, out var same) ? same : [];
        }
    }

    /// <summary>A binding that asks for nothing matches everything.</summary>
    private static bool HasHeaders(Binding binding, IReadOnlyList<KeyValuePair<string, string>> headers)
    {
        if (binding.Headers.Count == 0)
            return true;
        return binding.AnyHeader ? binding.Headers.Any(Has) : binding.Headers.All(Has);

        bool Has(KeyValuePair<string, string?> asked) =>
            headers.Any(header => header.Key == asked.Key && (asked.Value is null || header.Value == asked.Value));
    }
}

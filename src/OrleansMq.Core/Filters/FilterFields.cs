using OrleansMq.Records;

namespace OrleansMq.Core.Filters;

/// <summary>What a message says of itself beside the application's headers, under names that begin with <c>mq.</c>.</summary>
internal static class FilterFields
{
    public const string Prefix = "mq.";

    private static readonly Dictionary<string, Func<int, FilterNode>> OwnFields = new(StringComparer.Ordinal)
    {
        ["mq.key"] = at => new FieldNode(at, FilterType.Any, row => row.Record.HasKey ? FilterValue.Of(row.Record.Key) : FilterValue.Unknown),
        ["mq.priority"] = at => new FieldNode(at, FilterType.Number, row => FilterValue.Of((decimal)MessageCodec.PriorityOf(row.Record))),
        ["mq.timestamp"] = at => new FieldNode(at, FilterType.Number, row => FilterValue.Of((decimal)row.Record.Timestamp)),
        ["mq.size"] = at => new FieldNode(at, FilterType.Number, row => FilterValue.Of((decimal)row.Record.Value.Length)),
        ["mq.tombstone"] = at => new FieldNode(at, FilterType.Boolean, row => FilterValue.Of(!row.Record.HasValue)),
        ["mq.partition"] = at => new FieldNode(at, FilterType.Number, row => FilterValue.Of((decimal)row.Partition)),
        ["mq.offset"] = at => new FieldNode(at, FilterType.Number, row => FilterValue.Of((decimal)row.Record.Offset)),
    };

    /// <summary>Those that stand in headers of the broker's own.</summary>
    private static readonly Dictionary<string, string> Headers = new(StringComparer.Ordinal)
    {
        ["mq.token"] = ReservedHeaders.Token,
        ["mq.contentType"] = ReservedHeaders.ContentType,
        ["mq.correlationId"] = ReservedHeaders.CorrelationId,
        ["mq.replyTo"] = ReservedHeaders.ReplyTo,
        ["mq.routingKey"] = ReservedHeaders.RoutingKey,
    };

    public static IEnumerable<string> Names => OwnFields.Keys.Concat(Headers.Keys).Order(StringComparer.Ordinal);

    /// <param name="header">The header to look at instead.</param>
    /// <returns>Null, and no header: there is no such field.</returns>
    public static FilterNode? Find(string name, int at, out string? header)
    {
        header = Headers.GetValueOrDefault(name);
        return OwnFields.TryGetValue(name, out var field) ? field(at) : null;
    }
}

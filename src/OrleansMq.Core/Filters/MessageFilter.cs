using OrleansMq.Records;

namespace OrleansMq.Core.Filters;

/// <summary>
/// A condition on messages, over their headers and what else they say of themselves, in the language of JMS' selectors: a part of SQL-92's conditions, with its three values.
/// A message matches where the condition is true; false and unknown don't. Pure: the same message always gets the same answer.
/// </summary>
public sealed class MessageFilter
{
    private readonly FilterNode _root;
    private readonly byte[][] _headers;

    internal MessageFilter(string text, FilterNode root, byte[][] headers) => (Text, _root, _headers) = (text, root, headers);

    /// <summary>As it was given.</summary>
    public string Text { get; }

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: with the place in the text.</exception>
    public static MessageFilter Parse(string text) =>
        TryParse(text, out var filter, out var fault) ? filter! : throw new MqException(ErrorCodes.Malformed, $"filter {fault}");

    public static bool TryParse(string text, out MessageFilter? filter, out FilterFault fault)
    {
        try
        {
            (filter, fault) = (FilterParser.Parse(text), default);
            return true;
        }
        catch (FilterFaultException found)
        {
            (filter, fault) = (null, found.Fault);
            return false;
        }
    }

    /// <summary>For messages of one partition, one after another.</summary>
    public FilterEvaluation Begin(int partition) => new(_root, new FilterRow(_headers, partition));

    public override string ToString() => Text;
}

/// <summary>Holds messages against a filter. Not for several threads at once; allocates nothing for a message.</summary>
public sealed class FilterEvaluation
{
    private readonly FilterNode _root;
    private readonly FilterRow _row;

    internal FilterEvaluation(FilterNode root, FilterRow row) => (_root, _row) = (root, row);

    public bool Matches(in RecordView record)
    {
        _row.Take(record);
        return _root.Evaluate(_row).AsBoolean().IsTrue;
    }
}

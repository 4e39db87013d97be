namespace OrleansMq.Core.Filters;

internal enum Comparison
{
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

internal sealed class CompareNode(int at, Comparison how, FilterNode left, FilterNode right) : FilterNode(at, FilterType.Boolean)
{
    public override FilterValue Evaluate(FilterRow row) =>
        Comparing.Compare(left.Evaluate(row), right.Evaluate(row)) is { } order ? FilterValue.Of(Holds(order)) : FilterValue.Unknown;

    private bool Holds(int order) => how switch
    {
        Comparison.Equal => order == 0,
        Comparison.Unequal => order != 0,
        Comparison.Less => order < 0,
        Comparison.LessOrEqual => order <= 0,
        Comparison.Greater => order > 0,
        _ => order >= 0,
    };
}

/// <summary><c>BETWEEN</c>: both ends belong to it.</summary>
internal sealed class BetweenNode(int at, FilterNode part, FilterNode low, FilterNode high) : FilterNode(at, FilterType.Boolean)
{
    public override FilterValue Evaluate(FilterRow row)
    {
        var value = part.Evaluate(row);
        var (above, below) = (Comparing.Compare(value, low.Evaluate(row)), Comparing.Compare(value, high.Evaluate(row)));
        if (above < 0 || below > 0)
            return FilterValue.False;
        return above is null || below is null ? FilterValue.Unknown : FilterValue.True;
    }
}

/// <summary>How values of messages are compared, which are texts, with what the filter says.</summary>
internal static class Comparing
{
    /// <summary>
    /// Below 0, 0, above 0; null: unknown. With a number as a number, with true or false as such, else as texts, by their code points: two headers too, for nobody said that
    /// they are numbers (<c>a + 0 &lt; b + 0</c> does).
    /// </summary>
    public static int? Compare(in FilterValue one, in FilterValue other)
    {
        if (one.IsUnknown || other.IsUnknown)
            return null;
        if (one.Kind == ValueKind.Number || other.Kind == ValueKind.Number)
            return Both(one.AsNumber(), other.AsNumber()) is var (a, b) ? a.Number.CompareTo(b.Number) : null;
        if (one.Kind == ValueKind.Text && other.Kind == ValueKind.Text)
            return one.Text.Span.SequenceCompareTo(other.Text.Span);
        return Both(one.AsBoolean(), other.AsBoolean()) is var (left, right) ? left.IsTrue.CompareTo(right.IsTrue) : null;
    }

    private static (FilterValue One, FilterValue Other)? Both(in FilterValue one, in FilterValue other) => one.IsUnknown || other.IsUnknown ? null : (one, other);
}

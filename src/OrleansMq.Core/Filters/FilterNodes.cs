namespace OrleansMq.Core.Filters;

/// <summary>An expression within a filter.</summary>
/// <param name="at">Where it begins in the text.</param>
internal abstract class FilterNode(int at, FilterType type)
{
    public int At => at;

    public FilterType Type => type;

    public abstract FilterValue Evaluate(FilterRow row);
}

internal sealed class LiteralNode(int at, FilterType type, FilterValue value) : FilterNode(at, type)
{
    public FilterValue Value => value;

    public override FilterValue Evaluate(FilterRow row) => value;
}

/// <summary>A header; unknown where the message has none of that name.</summary>
internal sealed class HeaderNode(int at, int number) : FilterNode(at, FilterType.Any)
{
    public override FilterValue Evaluate(FilterRow row) => row.Header(number);
}

internal sealed class FieldNode(int at, FilterType type, Func<FilterRow, FilterValue> read) : FilterNode(at, type)
{
    public override FilterValue Evaluate(FilterRow row) => read(row);
}

/// <summary><c>AND</c>, or <c>OR</c>, of two or more: what decides ends it, and something unknown leaves it open.</summary>
/// <param name="decides">False for <c>AND</c>, true for <c>OR</c>.</param>
internal sealed class AllOrAnyNode(int at, bool decides, FilterNode[] parts) : FilterNode(at, FilterType.Boolean)
{
    public override FilterValue Evaluate(FilterRow row)
    {
        var isOpen = false;
        foreach (var part in parts)
        {
            var value = part.Evaluate(row).AsBoolean();
            if (decides ? value.IsTrue : value.IsFalse)
                return value;
            isOpen |= value.IsUnknown;
        }

        return isOpen ? FilterValue.Unknown : FilterValue.Of(!decides);
    }
}

internal sealed class NotNode(int at, FilterNode part) : FilterNode(at, FilterType.Boolean)
{
    public override FilterValue Evaluate(FilterRow row)
    {
        var value = part.Evaluate(row).AsBoolean();
        return value.IsUnknown ? value : FilterValue.Of(value.IsFalse);
    }
}

/// <summary><c>IS NULL</c>: never unknown.</summary>
internal sealed class IsNullNode(int at, FilterNode part) : FilterNode(at, FilterType.Boolean)
{
    public override FilterValue Evaluate(FilterRow row) => FilterValue.Of(part.Evaluate(row).IsUnknown);
}

internal sealed class LikeNode(int at, FilterNode part, LikePattern pattern) : FilterNode(at, FilterType.Boolean)
{
    public override FilterValue Evaluate(FilterRow row)
    {
        var value = part.Evaluate(row);
        return value.Kind == ValueKind.Text && row.MayWalk(value.Text.Length) ? FilterValue.Of(pattern.Matches(value.Text.Span)) : FilterValue.Unknown;
    }
}

internal sealed class InNode(int at, FilterNode part, LiteralNode[] items) : FilterNode(at, FilterType.Boolean)
{
    public override FilterValue Evaluate(FilterRow row)
    {
        var value = part.Evaluate(row);
        var isOpen = false;
        foreach (var item in items)
        {
            var found = Comparing.Compare(value, item.Value);
            if (found == 0)
                return FilterValue.True;
            isOpen |= found is null;
        }

        return isOpen ? FilterValue.Unknown : FilterValue.False;
    }
}

/// <summary><c>+ - * /</c>. What has no result is unknown: a division by 0, more than 28 digits.</summary>
internal sealed class ArithmeticNode(int at, char sign, FilterNode left, FilterNode right) : FilterNode(at, FilterType.Number)
{
    public override FilterValue Evaluate(FilterRow row)
    {
        var (one, other) = (left.Evaluate(row).AsNumber(), right.Evaluate(row).AsNumber());
        if (one.IsUnknown || other.IsUnknown || (sign == '/' && other.Number == 0))
            return FilterValue.Unknown;
        try
        {
            return FilterValue.Of(sign switch
            {
                '+' => one.Number + other.Number,
                '-' => one.Number - other.Number,
                '*' => one.Number * other.Number,
                _ => one.Number / other.Number,
            });
        }
        catch (OverflowException)
        {
            return FilterValue.Unknown;
        }
    }
}

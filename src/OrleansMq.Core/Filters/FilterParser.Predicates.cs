using System.Text;

namespace OrleansMq.Core.Filters;

/// <summary>What is said about one value, and which types fit it.</summary>
internal sealed partial class FilterParser
{
    private static Comparison? ComparisonOf(in FilterToken token) => token.Kind != TokenKind.Sign ? null : token.Text switch
    {
        "=" => Comparison.Equal,
        "<>" or "!=" => Comparison.Unequal,
        "<" => Comparison.Less,
        "<=" => Comparison.LessOrEqual,
        ">" => Comparison.Greater,
        ">=" => Comparison.GreaterOrEqual,
        _ => null,
    };

    private CompareNode Compared(FilterNode left, Comparison how)
    {
        var sign = Take();
        var right = Sum();
        MustFit(left, right, sign.At);
        if (how is not (Comparison.Equal or Comparison.Unequal))
            MustHaveOrder(sign, left, right);
        return new CompareNode(left.At, how, left, right);
    }

    private FilterNode IsNull(FilterNode left)
    {
        var isNot = TakeWord("NOT");
        ExpectWord("NULL");
        if (left is not (HeaderNode or FieldNode))
            throw new FilterFaultException(left.At, "IS NULL is asked of a name.");
        FilterNode found = new IsNullNode(left.At, left);
        return isNot ? new NotNode(left.At, found) : found;
    }

    private BetweenNode Between(FilterNode left)
    {
        var low = Sum();
        var and = _token;
        ExpectWord("AND");
        var high = Sum();
        MustFit(left, low, low.At);
        MustFit(left, high, high.At);
        MustFit(low, high, and.At);
        MustHaveOrder(and, left, low, high);
        return new BetweenNode(left.At, left, low, high);
    }

    private InNode In(FilterNode left)
    {
        Expect("(");
        var items = new List<LiteralNode>();
        do
        {
            var item = Signed();
            if (item is not LiteralNode literal)
                throw new FilterFaultException(item.At, "IN takes texts, numbers, TRUE and FALSE.");
            MustFit(left, literal, literal.At);
            items.Add(literal);
        }
        while (TakeSign(","));
        Expect(")");
        return new InNode(left.At, left, [.. items]);
    }

    private LikeNode Like(FilterNode left)
    {
        if (left.Type is FilterType.Number or FilterType.Boolean)
            throw new FilterFaultException(left.At, $"LIKE looks at a text; this is a {Word(left.Type)}.");
        var pattern = TextOf("LIKE");
        Rune? escape = null;
        if (_token.IsWord("ESCAPE"))
        {
            var at = Take().At;
            var text = TextOf("ESCAPE").Text;
            if (text.EnumerateRunes().Count() != 1)
                throw new FilterFaultException(at, "ESCAPE names one character.");
            escape = text.EnumerateRunes().First();
        }

        return LikePattern.Of(pattern.Text, escape, out var fault) is { } like ? new LikeNode(left.At, left, like) : throw new FilterFaultException(pattern.At, fault!);
    }

    private FilterToken TextOf(string keyword) =>
        _token.Kind == TokenKind.Text ? Take() : throw Unexpected($"a text in single quotes behind {keyword}");

    private static FilterNode AsCondition(FilterNode node) =>
        node.Type is FilterType.Any or FilterType.Boolean ? node : throw new FilterFaultException(node.At, $"a condition is expected; this is a {Word(node.Type)}.");

    private static FilterNode AsNumber(FilterNode node) =>
        node.Type is FilterType.Any or FilterType.Number ? node : throw new FilterFaultException(node.At, $"a number is expected; this is a {Word(node.Type)}.");

    private static void MustFit(FilterNode left, FilterNode right, int at)
    {
        if (left.Type != right.Type && left.Type != FilterType.Any && right.Type != FilterType.Any)
            throw new FilterFaultException(at, $"a {Word(left.Type)} is not compared with a {Word(right.Type)}.");
    }

    private static void MustHaveOrder(in FilterToken sign, params ReadOnlySpan<FilterNode> nodes)
    {
        foreach (var node in nodes)
            if (node.Type == FilterType.Boolean)
                throw new FilterFaultException(sign.At, "true and false have no order.");
    }

    private static string Word(FilterType type) => type == FilterType.Boolean ? "condition" : type == FilterType.Number ? "number" : "text";

    private FilterToken Take()
    {
        var taken = _token;
        _token = _lexer.Next();
        return taken;
    }

    private bool TakeWord(string keyword)
    {
        if (!_token.IsWord(keyword))
            return false;
        Take();
        return true;
    }

    private bool TakeSign(string sign)
    {
        if (!_token.Is(sign))
            return false;
        Take();
        return true;
    }

    private void Expect(string sign)
    {
        if (!TakeSign(sign))
            throw Unexpected(sign);
    }

    private void ExpectWord(string keyword)
    {
        if (!TakeWord(keyword))
            throw Unexpected(keyword);
    }

    private FilterFaultException Unexpected(string expected) => new(_token.At, $"{expected} is expected; here is {_token}.");
}

using System.Text;
using OrleansMq.Records;

namespace OrleansMq.Core.Filters;

/// <summary>
/// Reads a filter's text by recursive descent:
/// <code>
/// or        = and { OR and }
/// and       = not { AND not }
/// not       = NOT not | predicate
/// predicate = sum [ ( = | &lt;&gt; | != | &lt; | &lt;= | &gt; | &gt;= ) sum | [NOT] BETWEEN sum AND sum | [NOT] IN ( item { , item } )
///             | [NOT] LIKE text [ESCAPE text] | IS [NOT] NULL ]
/// sum       = product { ( + | - ) product }
/// product   = signed { ( * | / ) signed }
/// signed    = ( + | - ) signed | name | number | text | TRUE | FALSE | ( or )
/// </code>
/// Its depth is bounded, and with it the stack, here and when messages are looked at.
/// </summary>
internal sealed partial class FilterParser
{
    private static readonly string[] Keywords = ["AND", "OR", "NOT", "BETWEEN", "IN", "LIKE", "ESCAPE", "IS", "NULL", "TRUE", "FALSE"];

    private readonly FilterLexer _lexer;
    private readonly List<byte[]> _headers = [];
    private FilterToken _token;
    private int _depth;
    private int _terms;

    private FilterParser(string text)
    {
        _lexer = new FilterLexer(text);
        _token = _lexer.Next();
    }

    /// <exception cref="FilterFaultException">The text is no filter.</exception>
    public static MessageFilter Parse(string text)
    {
        if (text.Length > FilterLimits.MaxTextLength)
            throw new FilterFaultException(FilterLimits.MaxTextLength, $"it has at most {FilterLimits.MaxTextLength} characters; this one has {text.Length}.");
        var parser = new FilterParser(text);
        var root = AsCondition(parser.Or());
        if (parser._token.Kind != TokenKind.End)
            throw parser.Unexpected("the end, AND or OR");
        return new MessageFilter(text, root, [.. parser._headers]);
    }

    private FilterNode Or() => Chain("OR", decides: true, And);

    private FilterNode And() => Chain("AND", decides: false, Not);

    private FilterNode Chain(string keyword, bool decides, Func<FilterNode> part)
    {
        var first = part();
        if (!_token.IsWord(keyword))
            return first;
        var parts = new List<FilterNode> { AsCondition(first) };
        while (TakeWord(keyword))
            parts.Add(AsCondition(part()));
        return new AllOrAnyNode(first.At, decides, [.. parts]);
    }

    private FilterNode Not()
    {
        var at = _token.At;
        return TakeWord("NOT") ? new NotNode(at, AsCondition(Deeper(Not))) : Predicate();
    }

    private FilterNode Predicate()
    {
        var left = Sum();
        if (ComparisonOf(_token) is { } how)
            return Compared(left, how);
        if (TakeWord("IS"))
            return IsNull(left);
        var isNot = TakeWord("NOT");
        FilterNode found = TakeWord("BETWEEN") ? Between(left) : TakeWord("IN") ? In(left) : TakeWord("LIKE") ? Like(left)
            : isNot ? throw Unexpected("BETWEEN, IN or LIKE") : left;
        return isNot ? new NotNode(left.At, found) : found;
    }

    private FilterNode Sum() => Arithmetic(Product, "+", "-");

    private FilterNode Product() => Arithmetic(Signed, "*", "/");

    private FilterNode Arithmetic(Func<FilterNode> part, string one, string other)
    {
        var left = part();
        while (_token.Is(one) || _token.Is(other))
        {
            var sign = Take();
            left = new ArithmeticNode(left.At, sign.Text[0], AsNumber(left), AsNumber(part()));
        }

        return left;
    }

    private FilterNode Signed()
    {
        if (!_token.Is("+") && !_token.Is("-"))
            return Primary();
        var sign = Take();
        var part = AsNumber(Deeper(Signed));
        return part is LiteralNode number ? new LiteralNode(sign.At, FilterType.Number, FilterValue.Of(sign.Text == "-" ? -number.Value.Number : number.Value.Number))
            : new ArithmeticNode(sign.At, sign.Text[0], new LiteralNode(sign.At, FilterType.Number, FilterValue.Of(0m)), part);
    }

    private FilterNode Primary()
    {
        var token = _token;
        if (token.Is("("))
            return Parenthesis();
        if (token.Kind is TokenKind.End or TokenKind.Sign)
            throw Unexpected("a name, a literal or (");
        if (++_terms > FilterLimits.MaxTerms)
            throw new FilterFaultException(token.At, $"a filter has at most {FilterLimits.MaxTerms} names and literals.");
        switch (token.Kind)
        {
            case TokenKind.Text:
            case TokenKind.Number:
                return Literal(Take());
            case TokenKind.QuotedName:
                return Header(Take().Text, token.At);
        }

        if (token.IsWord("TRUE") || token.IsWord("FALSE"))
            return new LiteralNode(Take().At, FilterType.Boolean, FilterValue.Of(token.IsWord("TRUE")));
        if (Array.Exists(Keywords, token.IsWord))
            throw Unexpected("a name, a literal or (");
        Take();
        return token.Text.StartsWith(FilterFields.Prefix, StringComparison.Ordinal) ? Field(token) : Header(token.Text, token.At);
    }

    private FilterNode Parenthesis()
    {
        Take();
        var inner = Deeper(Or);
        Expect(")");
        return inner;
    }

    private static LiteralNode Literal(in FilterToken token) => token.Kind == TokenKind.Number
        ? new LiteralNode(token.At, FilterType.Number, FilterValue.Of(token.Number))
        : new LiteralNode(token.At, FilterType.Text, FilterValue.Of(Encoding.UTF8.GetBytes(token.Text)));

    private FilterNode Field(in FilterToken token) =>
        FilterFields.Find(token.Text, token.At, out var header) is { } field ? field
        : header is not null ? new HeaderNode(token.At, NumberOf(header, token.At))
        : throw new FilterFaultException(token.At, $"there is no {token.Text}; there are {string.Join(", ", FilterFields.Names)}. A header of that name stands in double quotes.");

    private HeaderNode Header(string name, int at)
    {
        if (name.Length == 0)
            throw new FilterFaultException(at, "a header has a name.");
        if (name.StartsWith(ReservedHeaders.Prefix, StringComparison.Ordinal))
            throw new FilterFaultException(at, $"headers that begin with '{ReservedHeaders.Prefix}' are the broker's own; there are {string.Join(", ", FilterFields.Names)}.");
        return new HeaderNode(at, NumberOf(name, at));
    }

    private int NumberOf(string header, int at)
    {
        var name = Encoding.UTF8.GetBytes(header);
        var number = _headers.FindIndex(known => known.AsSpan().SequenceEqual(name));
        if (number >= 0)
            return number;
        if (_headers.Count == FilterLimits.MaxHeaders)
            throw new FilterFaultException(at, $"a filter names at most {FilterLimits.MaxHeaders} headers.");
        _headers.Add(name);
        return _headers.Count - 1;
    }

    private FilterNode Deeper(Func<FilterNode> parse)
    {
        if (++_depth > FilterLimits.MaxDepth)
            throw new FilterFaultException(_token.At, $"parentheses, NOT and signs stand at most {FilterLimits.MaxDepth} deep.");
        var found = parse();
        _depth--;
        return found;
    }
}

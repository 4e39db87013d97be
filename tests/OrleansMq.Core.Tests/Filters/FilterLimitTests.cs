using OrleansMq.Core.Filters;
using Xunit;

namespace OrleansMq.Core.Tests.Filters;

/// <summary>Whatever text comes, it is a filter or is refused with its place; and every limit holds.</summary>
public sealed class FilterLimitTests
{
    private static readonly string[] Pieces =
    [
        "a", "\"b-c\"", "mq.key", "mq.priority", "'x'", "'%_'", "1", "-2.5e1", ".5", "TRUE", "NULL", "AND", "OR", "NOT", "BETWEEN", "IN", "LIKE", "ESCAPE '!'", "IS", "(", ")", ",", "=", "<>", "<", ">=",
        "+", "-", "*", "/", "'", "\"", "!", "\0", "\ud800", "é", "1e", "mq-token", " ",
    ];

    [Fact]
    public void RandomTextsAreFiltersOrRefusedWithAPlaceInThem()
    {
        var random = new Random(5);
        var record = Filtering.WithHeaders(("a", "1"), ("b-c", "x"));
        var filters = 0;
        for (var i = 0; i < 50_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => Pieces[random.Next(Pieces.Length)] + (random.Next(3) > 0 ? " " : "")));
            if (MessageFilter.TryParse(text, out var filter, out var fault))
            {
                filter!.Begin(0).Matches(record);
                filters++;
            }
            else
                Assert.InRange(fault.At, 0, text.Length);
        }

        // Else it would show less than it says.
        Assert.InRange(filters, 500, 40_000);
    }

    [Fact]
    public void TextsOfAnyCharactersNeverThrowAnythingElse()
    {
        var random = new Random(6);
        for (var i = 0; i < 20_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => (char)random.Next(random.Next(2) == 0 ? 128 : 0x10000)));
            Assert.True(MessageFilter.TryParse(text, out _, out var fault) || fault.At <= text.Length);
        }
    }

    [Theory]
    [InlineData("(", ")")]
    [InlineData("NOT ", "")]
    [InlineData("NOT (", ")")]
    public void DeepNestingIsRefusedBeforeTheStackEnds(string open, string close)
    {
        static string Nested(string open, string close, int deep) => string.Concat(Enumerable.Repeat(open, deep)) + "a = 1" + string.Concat(Enumerable.Repeat(close, deep));
        var most = FilterLimits.MaxDepth / open.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;

        Assert.Equal(most % 2 == 0 || open == "(", Nested(open, close, most).Matches(Filtering.WithHeaders(("a", "1"))));
        Assert.StartsWith("parentheses, NOT and signs stand at most 64 deep", Filtering.Fault(Nested(open, close, most + 1)).Detail, StringComparison.Ordinal);
        Assert.StartsWith("parentheses", Filtering.Fault(string.Concat(Enumerable.Repeat(open, FilterLimits.MaxTextLength / open.Length))).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void SignsCountAsDepthToo() =>
        Assert.StartsWith("parentheses, NOT and signs", Filtering.Fault($"a = {new string('-', FilterLimits.MaxDepth + 1)}1").Detail, StringComparison.Ordinal);

    [Fact]
    public void AFilterHasSoManyTermsAndNoMore()
    {
        static string Terms(int count) => "a IN (" + string.Join(",", Enumerable.Range(1, count - 1)) + ")";

        Assert.True(Terms(FilterLimits.MaxTerms).Matches(Filtering.WithHeaders(("a", "255"))));
        Assert.Equal("a filter has at most 256 names and literals.", Filtering.Fault(Terms(FilterLimits.MaxTerms + 1)).Detail);
        Assert.StartsWith("a filter has", Filtering.Fault("a = 1" + string.Concat(Enumerable.Repeat(" + 1", FilterLimits.MaxTerms))).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void AFilterNamesSoManyHeadersAndNoMore()
    {
        static string Headers(int count) => string.Join(" OR ", Enumerable.Range(0, count).Select(i => $"h{i} = 1 OR h{i} = 2"));

        Assert.True(Headers(FilterLimits.MaxHeaders).Matches(Filtering.WithHeaders(("h31", "2"))));
        Assert.Equal("a filter names at most 32 headers.", Filtering.Fault(Headers(FilterLimits.MaxHeaders + 1)).Detail);
    }

    [Fact]
    public void ATextHasSoManyCharactersAndNoMore()
    {
        static string Long(int length) => "a = '" + new string('x', length - 6) + "'";

        Assert.False(Long(FilterLimits.MaxTextLength).Matches(Filtering.WithHeaders()));
        Assert.StartsWith("it has at most 4096 characters; this one has 4097", Filtering.Fault(Long(FilterLimits.MaxTextLength + 1)).Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000012", "true")]
    [InlineData("00000000000000000000000000000000000000000000000000000000000000012", "unknown")]
    [InlineData(" 12", "unknown")]
    [InlineData("12 ", "unknown")]
    [InlineData("+12", "true")]
    [InlineData("1,2", "unknown")]
    [InlineData("1.2e1", "true")]
    [InlineData("1e30", "unknown")]
    [InlineData("0x0C", "unknown")]
    [InlineData("NaN", "unknown")]
    public void ANumberIsDecimalWholeAndNotLong(string value, string verdict) => Assert.Equal(verdict, Filtering.Verdict("h = 12", Filtering.WithHeaders(("h", value))));
}

using OrleansMq.Core.Filters;
using Xunit;

namespace OrleansMq.Core.Tests.Filters;

/// <summary>What conditions say of messages.</summary>
public sealed class MessageFilterTests
{
    /// <summary>One message for all: two headers of one name, of which the last counts.</summary>
    private static readonly Records.RecordView One = Filtering.Record(Message.OfText("12345", "ada") with
    {
        Headers = [new("type", "quote"), new("type", "order"), new("total", "150"), new("rate", "-2.5e1"), new("name", "O'Neil"), new("x-tenant", "a"), new("done", "True"), new("void", ""), new("mq.key", "mine")],
        Token = "tok", CorrelationId = "c1", Priority = 7,
    });

    [Theory]
    [InlineData("type = 'order'", "true")]
    [InlineData("type = 'ORDER'", "false")]
    [InlineData("type <> 'quote'", "true")]
    [InlineData("type != 'order'", "false")]
    [InlineData("Type = 'order'", "unknown")]
    [InlineData("name = 'O''Neil'", "true")]
    [InlineData("\"x-tenant\" = 'a'", "true")]
    [InlineData("void = ''", "true")]
    [InlineData("type < 'p'", "true")]
    [InlineData("type >= 'order'", "true")]
    [InlineData("total = '150'", "true")]
    [InlineData("total = '150.0'", "false")]
    [InlineData("total = 150.0", "true")]
    [InlineData("total > 99", "true")]
    [InlineData("total > '99'", "false")]
    [InlineData("total <= -1e3", "false")]
    [InlineData("rate = -25", "true")]
    [InlineData("type = 5", "unknown")]
    [InlineData("void = 0", "unknown")]
    [InlineData("absent = 5", "unknown")]
    [InlineData("absent = absent", "unknown")]
    [InlineData("total = rate", "false")]
    [InlineData("total + 0 > rate + 0", "true")]
    public void ComparisonsGoByWhatTheFilterSays(string condition, string verdict) => Assert.Equal(verdict, Filtering.Verdict(condition, One));

    [Theory]
    [InlineData("type = 'order' AND total > 100", "true")]
    [InlineData("type = 'order' AND absent > 100", "unknown")]
    [InlineData("type = 'quote' AND absent > 100", "false")]
    [InlineData("type = 'order' OR absent > 100", "true")]
    [InlineData("type = 'quote' OR absent > 100", "unknown")]
    [InlineData("type = 'quote' OR total = 1 OR total = 150", "true")]
    [InlineData("NOT absent = 1", "unknown")]
    [InlineData("TRUE OR TRUE AND FALSE", "true")]
    [InlineData("(TRUE OR TRUE) AND FALSE", "false")]
    [InlineData("NOT FALSE AND FALSE", "false")]
    [InlineData("done", "true")]
    [InlineData("done = TRUE AND NOT done = FALSE", "true")]
    [InlineData("type = TRUE", "unknown")]
    [InlineData("type", "unknown")]
    [InlineData("(total > 100) = TRUE", "true")]
    public void LogicHasThreeValues(string condition, string verdict) => Assert.Equal(verdict, Filtering.Verdict(condition, One));

    [Theory]
    [InlineData("total BETWEEN 100 AND 150", "true")]
    [InlineData("total NOT BETWEEN 100 AND 149.9", "true")]
    [InlineData("total BETWEEN absent AND 100", "false")]
    [InlineData("total BETWEEN absent AND 200", "unknown")]
    [InlineData("type BETWEEN 'a' AND 'z' AND TRUE", "true")]
    [InlineData("type IN ('quote', 'order')", "true")]
    [InlineData("type NOT IN ('quote')", "true")]
    [InlineData("total IN (1, -2, +150)", "true")]
    [InlineData("absent IN ('a')", "unknown")]
    [InlineData("type IN (1, 'order')", "true")]
    [InlineData("type IN (1, 'quote')", "unknown")]
    [InlineData("absent IS NULL", "true")]
    [InlineData("void IS NULL", "false")]
    [InlineData("type IS NOT NULL", "true")]
    public void RangesListsAndAbsence(string condition, string verdict) => Assert.Equal(verdict, Filtering.Verdict(condition, One));

    [Theory]
    [InlineData("total + 1 * 2 = 152", "true")]
    [InlineData("(total + 1) * 2 = 302", "true")]
    [InlineData("total / 4 - -0.5 = 38", "true")]
    [InlineData("-total = -150", "true")]
    [InlineData("0.1 + 0.2 = 0.3", "true")]
    [InlineData("total / 0 = 1", "unknown")]
    [InlineData("total * 79228162514264337593543950335 > 1", "unknown")]
    [InlineData("total + absent = 1", "unknown")]
    [InlineData("total + type = 1", "unknown")]
    [InlineData("total = 9007199254740993", "false")]
    public void ArithmeticIsDecimalAndUnknownWhereItHasNoResult(string condition, string verdict) => Assert.Equal(verdict, Filtering.Verdict(condition, One));

    [Theory]
    [InlineData("mq.key = 'ada'")]
    [InlineData("mq.token = 'tok' AND mq.correlationId = 'c1' AND mq.contentType LIKE 'text/%'")]
    [InlineData("mq.replyTo IS NULL AND mq.routingKey IS NULL")]
    [InlineData("mq.priority = 7 AND mq.size = 5 AND mq.timestamp = 1000")]
    [InlineData("mq.partition = 3 AND mq.offset = 7")]
    [InlineData("NOT mq.tombstone")]
    [InlineData("\"mq.key\" = 'mine'")]
    public void WhatAMessageSaysOfItselfHasNames(string filter) => Assert.True(filter.Matches(One));

    [Fact]
    public void AMessageWithoutAKeyHasNone()
    {
        Assert.True("mq.key IS NULL AND mq.priority = 4".Matches(Filtering.WithHeaders()));
        Assert.True("mq.tombstone AND mq.key = 'k'".Matches(Filtering.Record(new Message { Key = Filtering.Bytes("k"), Tombstone = true })));
    }

    [Fact]
    public void TheSameEvaluationLooksAtOneMessageAfterAnother()
    {
        var evaluation = MessageFilter.Parse("type = 'order' OR n IS NULL").Begin(0);

        Assert.True(evaluation.Matches(Filtering.WithHeaders(("type", "order"), ("n", "1"))));
        Assert.False(evaluation.Matches(Filtering.WithHeaders(("n", "1"))));
        Assert.True(evaluation.Matches(Filtering.WithHeaders()));
    }

    [Fact]
    public void HeadersThatAreToBeEqualAreAFilterToo()
    {
        var filter = HeaderFilter.AllOf(new("type", "it's"), new("a \"b\"", "1"));

        Assert.Equal("\"type\" = 'it''s' AND \"a \"\"b\"\"\" = '1'", filter);
        Assert.True(filter.Matches(Filtering.WithHeaders(("a \"b\"", "1"), ("type", "it's"))));
        Assert.False(filter.Matches(Filtering.WithHeaders(("type", "it's"))));
    }

    [Theory]
    [InlineData("", 0, "a name, a literal or ( is expected; here is the end.")]
    [InlineData("a = 'b", 4, "the text that begins here has no closing '.")]
    [InlineData("a = b c", 6, "the end, AND or OR is expected; here is c.")]
    [InlineData("a ! b", 2, "'!' has no meaning here")]
    [InlineData("x-tenant LIKE 'a'", 0, "LIKE looks at a text; this is a number.")]
    [InlineData("a = 12abc", 6, "'a' does not belong to a number.")]
    [InlineData("a = 1e", 6, "an exponent has digits.")]
    [InlineData("a = 1e99", 4, "1e99 is no number")]
    [InlineData("(a = 1", 6, ") is expected; here is the end.")]
    [InlineData("a NOT = 1", 6, "BETWEEN, IN or LIKE is expected; here is =.")]
    [InlineData("a LIKE b", 7, "a text in single quotes behind LIKE is expected; here is b.")]
    [InlineData("a LIKE 'x' ESCAPE 'ab'", 11, "ESCAPE names one character.")]
    [InlineData("a LIKE 'x!' ESCAPE '!'", 7, "the pattern ends with '!'.")]
    [InlineData("a LIKE 'x!y' ESCAPE '!'", 7, "'!' stands before %, _ or itself")]
    [InlineData("a IN (b)", 6, "IN takes texts, numbers")]
    [InlineData("a IN ()", 6, "a name, a literal or ( is expected; here is ).")]
    [InlineData("1 IS NULL", 0, "IS NULL is asked of a name.")]
    [InlineData("a + 1", 0, "a condition is expected; this is a number.")]
    [InlineData("'x'", 0, "a condition is expected; this is a text.")]
    [InlineData("a AND 'x'", 6, "a condition is expected; this is a text.")]
    [InlineData("1 = 'x'", 2, "a number is not compared with a text.")]
    [InlineData("a < TRUE", 2, "true and false have no order.")]
    [InlineData("mq.priority IN ('high')", 16, "a number is not compared with a text.")]
    [InlineData("'a' + 1 = 2", 0, "a number is expected; this is a text.")]
    [InlineData("mq.nothing = 1", 0, "there is no mq.nothing; there are mq.contentType, mq.correlationId, mq.key")]
    [InlineData("\"mq-token\" = 'x'", 0, "headers that begin with 'mq-' are the broker's own")]
    [InlineData("\"\" = 'x'", 0, "a header has a name.")]
    [InlineData("a = 'b' OR NULL", 11, "a name, a literal or ( is expected; here is NULL.")]
    public void WhatIsWrongIsSaidWithItsPlace(string text, int at, string detail)
    {
        var fault = Filtering.Fault(text);

        Assert.Equal(at, fault.At);
        Assert.StartsWith(detail, fault.Detail, StringComparison.Ordinal);
        Assert.Equal($"filter at character {at + 1}: {fault.Detail}", Assert.Throws<MqException>(() => MessageFilter.Parse(text)).Message);
    }
}

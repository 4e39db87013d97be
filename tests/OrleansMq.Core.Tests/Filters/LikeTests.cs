using OrleansMq.Core.Filters;
using Xunit;

namespace OrleansMq.Core.Tests.Filters;

/// <summary><c>LIKE</c> against what it means, and against patterns that others take long for.</summary>
public sealed class LikeTests
{
    [Theory]
    [InlineData("", "", true)]
    [InlineData("%", "", true)]
    [InlineData("_", "", false)]
    [InlineData("abc", "abc", true)]
    [InlineData("abc", "abcd", false)]
    [InlineData("a%c", "ac", true)]
    [InlineData("a%c", "abcbc", true)]
    [InlineData("a%c", "abcb", false)]
    [InlineData("%b%", "abc", true)]
    [InlineData("a_c", "abc", true)]
    [InlineData("a_c", "ac", false)]
    [InlineData("_", "ä", true)]
    [InlineData("__", "😀", false)]
    [InlineData("%😀", "x😀", true)]
    [InlineData("100!%", "100%", true)]
    [InlineData("100!%", "1000", false)]
    [InlineData("a!_!!", "a_!", true)]
    public void APatternFitsWhatItSays(string pattern, string text, bool fits) => Assert.Equal(fits, Fits(pattern, text));

    [Fact]
    public void ItSaysWhatTheMeaningSaysForRandomPatterns()
    {
        var random = new Random(11);
        for (var i = 0; i < 20_000; i++)
        {
            var pattern = Some(random, "ab%_", random.Next(8));
            var text = Some(random, "ab", random.Next(10));
            Assert.True(Means(pattern, text) == Fits(pattern, text), $"'{text}' LIKE '{pattern}'");
        }
    }

    /// <summary>With one try after another this pattern would not end in this test's time.</summary>
    [Fact]
    public void APatternMadeToTakeLongTakesAsLongAsAnother()
    {
        var pattern = string.Concat(Enumerable.Repeat("%_", FilterLimits.MaxPatternLength - 1)) + "%X";

        Assert.False(Fits(pattern, new string('a', FilterLimits.MaxLikeBytes)));
        Assert.True(Fits(pattern, new string('a', FilterLimits.MaxLikeBytes - 1) + "X"));
    }

    [Fact]
    public void TheLongestPatternFitsAndALongerOneIsRefused()
    {
        var longest = new string('a', FilterLimits.MaxPatternLength);

        Assert.True(Fits(longest + "%", longest + "b"));
        Assert.StartsWith("a pattern has at most 255", Filtering.Fault($"h LIKE '{longest}a'").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void AValueThatIsTooLongIsLikeNothingThatIsKnown()
    {
        var record = Filtering.WithHeaders(("h", new string('a', FilterLimits.MaxLikeBytes + 1)));

        Assert.Equal("unknown", Filtering.Verdict("h LIKE '%'", record));
    }

    [Fact]
    public void AllLikesOfAFilterTogetherWalkSoFarForAMessageAndBeginAnewForTheNext()
    {
        var record = Filtering.WithHeaders(("h", new string('a', FilterLimits.MaxLikeBytes / 2)), ("s", "b"));
        var twice = MessageFilter.Parse("h LIKE 'x%' OR h LIKE '%a'").Begin(0);

        Assert.True(twice.Matches(record));
        Assert.True(twice.Matches(record));
        Assert.Equal("unknown", Filtering.Verdict("h LIKE 'x%' OR h LIKE 'y%' OR s LIKE 'b'", record));
        Assert.Equal("true", Filtering.Verdict("s LIKE 'b' OR h LIKE 'x%' OR h LIKE 'y%' OR h LIKE 'z%'", record));
    }

    private static bool Fits(string pattern, string text) => $"h LIKE '{pattern}' ESCAPE '!'".Matches(Filtering.WithHeaders(("h", text)));

    private static string Some(Random random, string of, int length) => string.Concat(Enumerable.Range(0, length).Select(_ => of[random.Next(of.Length)]));

    private static bool Means(string pattern, string text) =>
        pattern.Length == 0 ? text.Length == 0
        : pattern[0] == '%' ? Means(pattern[1..], text) || (text.Length > 0 && Means(pattern, text[1..]))
        : text.Length > 0 && (pattern[0] == '_' || pattern[0] == text[0]) && Means(pattern[1..], text[1..]);
}

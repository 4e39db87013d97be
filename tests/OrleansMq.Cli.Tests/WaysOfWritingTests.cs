using System.Text;
using OrleansMq.Cli.Input;

namespace OrleansMq.Cli.Tests;

/// <summary>How values are written on the command line and on a line of input.</summary>
public sealed class WaysOfWritingTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("30s", 30_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("1h30m", 5_400_000)]
    [InlineData("7d", 604_800_000)]
    public void Durations(string text, long ms) => Assert.Equal(TimeSpan.FromMilliseconds(ms), Text.Duration(text));

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("5 s")]
    [InlineData("-5s")]
    [InlineData("5y")]
    [InlineData("1h30")]
    public void NoDurations(string text) => Assert.Throws<FormatException>(() => Text.Duration(text));

    [Theory]
    [InlineData("4096", 4096)]
    [InlineData("64KiB", 65536)]
    [InlineData("2GiB", 2147483648)]
    public void Sizes(string text, long bytes) => Assert.Equal(bytes, Text.Bytes(text));

    [Fact]
    public void Starts()
    {
        Assert.Equal(StartAt.Earliest, Text.Start("earliest", Now));
        Assert.Equal(StartAt.Latest, Text.Start("latest", Now));
        Assert.Equal(StartAt.Offset(42), Text.Start("42", Now));
        Assert.Equal(StartAt.Time(Now), Text.Start("2026-01-31T12:00:00Z", Now));
        Assert.Equal(StartAt.Time(Now), Text.Start("2026-01-31T13:00:00+01:00", Now));
        Assert.Equal(StartAt.Time(Now.AddMinutes(-10)), Text.Start("10m", Now));
        Assert.Throws<FormatException>(() => Text.Start("yesterday", Now));
        Assert.Throws<FormatException>(() => Text.Start("42", Now, offsets: false));
    }

    [Fact]
    public void Positions()
    {
        Assert.Equal([new Position(0, 42), new Position(7, 0)], Text.Positions("0:42, 7:0"));
        Assert.Throws<FormatException>(() => Text.Positions("0:42,7"));
    }

    [Fact]
    public void AMessageLineHasTheFieldsOfHttp()
    {
        var message = MessageLine.Parse("""{"key":"k","body":{"a":1},"headers":{"h":"v"},"token":"t","partition":3,"correlationId":"c","replyTo":"r"}""");

        Assert.Equal("k", Encoding.UTF8.GetString(message.Key!.Value.Span));
        Assert.Equal("""{"a":1}""", Encoding.UTF8.GetString(message.Body.Span));
        Assert.Equal(("application/json", "t", 3, "c", "r"), (message.ContentType, message.Token, message.Partition, message.CorrelationId, message.ReplyTo));
        Assert.Equal([KeyValuePair.Create("h", "v")], message.Headers);
    }

    [Theory]
    [InlineData("5", "object")]
    [InlineData("{", "not JSON")]
    [InlineData("""{"bdoy":1}""", "$.bdoy")]
    [InlineData("""{"key":5}""", "$.key")]
    [InlineData("""{"bodyBase64":"*"}""", "")]
    public void AWrongMessageLineSaysWhatIsWrong(string line, string expected) =>
        Assert.Contains(expected, Assert.Throws<FormatException>(() => MessageLine.Parse(line)).Message, StringComparison.Ordinal);

    [Fact]
    public void TokensAreMadeFromTheLine() => Assert.Equal("run-7-k", TokenTemplate.Fill("run-{n}-{key}", 7, "k"));
}

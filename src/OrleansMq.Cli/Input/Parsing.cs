using System.Buffers;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using OrleansMq.Json;

namespace OrleansMq.Cli.Input;

/// <summary>How the values of options are written. Each parser throws <see cref="FormatException"/> with what is expected.</summary>
internal static class Text
{
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    /// <summary><c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>2h</c>, <c>7d</c>, and one after another: <c>1h30m</c>.</summary>
    public static TimeSpan Duration(string text)
    {
        var rest = text.AsSpan();
        var sum = TimeSpan.Zero;
        do
        {
            var digits = rest.IndexOfAnyExcept(Digits);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count))
                throw Expected(text, "a length of time such as 500ms, 30s, 5m, 2h, 7d");
            rest = rest[digits..];
            var letters = rest.IndexOfAny(Digits) is var next and >= 0 ? next : rest.Length;
            sum += rest[..letters] switch
            {
                "ms" => TimeSpan.FromMilliseconds(count),
                "s" => TimeSpan.FromSeconds(count),
                "m" => TimeSpan.FromMinutes(count),
                "h" => TimeSpan.FromHours(count),
                "d" => TimeSpan.FromDays(count),
                _ => throw Expected(text, "a length of time such as 500ms, 30s, 5m, 2h, 7d"),
            };
            rest = rest[letters..];
        }
        while (!rest.IsEmpty);
        return sum;
    }

    /// <summary><c>4096</c>, <c>64KiB</c>, <c>4MiB</c>, <c>2GiB</c>.</summary>
    public static long Bytes(string text)
    {
        var (digits, unit) = text switch
        {
            _ when text.EndsWith("KiB", StringComparison.Ordinal) => (text[..^3], 1L << 10),
            _ when text.EndsWith("MiB", StringComparison.Ordinal) => (text[..^3], 1L << 20),
            _ when text.EndsWith("GiB", StringComparison.Ordinal) => (text[..^3], 1L << 30),
            _ => (text, 1L),
        };
        return Count(digits) is var count && count <= long.MaxValue / unit ? count * unit : throw Expected(text, "fewer bytes");
    }

    public static long Count(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : throw Expected(text, "a whole number");

    public static int SmallCount(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : throw Expected(text, "a whole number");

    public static int FromOne(string text) => SmallCount(text) is > 0 and var count ? count : throw new FormatException("at least 1");

    public static double Rate(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var rate) && rate > 0 ? rate : throw Expected(text, "a number above 0");

    public static double Fraction(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number is >= 0 and <= 1 ? number : throw Expected(text, "a number from 0 to 1");

    public static int Priority(string text) =>
        SmallCount(text) is var priority && priority < Message.Priorities ? priority : throw Expected(text, $"a priority from 0 to {Message.Priorities - 1}");

    public static FairBy FairBy(string text) => OrleansMq.FairBy.TryParse(text, out var value, out var fault) ? value! : throw new FormatException(fault!.TrimEnd('.'));

    public static bool Switch(string text) => text switch
    {
        "true" or "yes" or "on" => true,
        "false" or "no" or "off" => false,
        _ => throw Expected(text, "true or false"),
    };

    /// <summary>One of the words that HTTP has for it.</summary>
    public static Func<string, T> Word<T>(WordList<T> words) where T : struct, Enum =>
        text => words.TryRead(text, out var value) ? value : throw Expected(text, words.ToString());

    /// <summary><c>0:42</c>.</summary>
    public static Position Position(string text)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        return colon > 0
            && int.TryParse(text.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
            && long.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            ? new Position(partition, offset)
            : throw Expected(text, "a position such as 0:42 (partition:offset)");
    }

    public static IReadOnlyList<Position> Positions(string text) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Position)];

    /// <summary><c>earliest</c>, <c>latest</c>, an offset, a time (RFC 3339), or how long ago (<c>10m</c>).</summary>
    public static StartAt Start(string text, DateTimeOffset now, bool offsets = true)
    {
        if (text is "earliest")
            return StartAt.Earliest;
        if (text is "latest")
            return StartAt.Latest;
        if (offsets && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
            return StartAt.Offset(offset);
        if (text.Contains('-', StringComparison.Ordinal) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
            return StartAt.Time(time);
        try
        {
            return StartAt.Time(now - Duration(text));
        }
        catch (FormatException)
        {
            throw Expected(text, $"earliest, latest, {(offsets ? "an offset, " : "")}a time such as 2026-01-31T12:00:00Z, or how long ago, such as 10m");
        }
    }

    /// <summary>A time (RFC 3339) such as <c>2026-01-31T12:00:00Z</c>.</summary>
    public static DateTimeOffset Time(string text) => TimeText.TryParse(text, out var time) ? time : throw Expected(text, "a time such as 2026-01-31T12:00:00Z");

    /// <summary><c>name=text</c>.</summary>
    public static KeyValuePair<string, string> Header(string text) =>
        text.IndexOf('=', StringComparison.Ordinal) is var at and > 0 ? new(text[..at], text[(at + 1)..]) : throw Expected(text, "name=text");

    private static FormatException Expected(string text, string what) => new($"'{text}' is not {what}");
}

/// <summary>Options whose value is written in one of the ways of <see cref="Text"/>; what can't be read is wrong usage.</summary>
internal static class Options
{
    public static Option<T> Of<T>(string name, string description, string helpName, Func<string, T> parse, T? otherwise = default)
    {
        var option = new Option<T>(name) { Description = description, HelpName = helpName, CustomParser = result => Parse(result, name, parse) };
        if (!EqualityComparer<T>.Default.Equals(otherwise, default))
            option.DefaultValueFactory = _ => otherwise!;
        return option;
    }

    /// <summary>A field of a change: left out keeps it, <c>default</c> restores the default.</summary>
    public static Option<Change<T>> Change<T>(string name, string description, string helpName, Func<string, T> parse) =>
        Of(name, description, helpName, text => text == "default" ? OrleansMq.Change<T>.Default : OrleansMq.Change<T>.To(parse(text)));

    /// <summary>The same where there may be nothing: <c>none</c>.</summary>
    public static Option<Change<T?>> ChangeOrNone<T>(string name, string description, string helpName, Func<string, T> parse) where T : struct =>
        Change<T?>(name, description, helpName, text => text == "none" ? null : parse(text));

    private static T? Parse<T>(ArgumentResult result, string name, Func<string, T> parse)
    {
        try
        {
            return parse(result.Tokens[0].Value);
        }
        catch (Exception e) when (e is FormatException or OverflowException or MqException)
        {
            result.AddError($"{name}: {e.Message.TrimEnd('.')}.");
            return default;
        }
    }
}

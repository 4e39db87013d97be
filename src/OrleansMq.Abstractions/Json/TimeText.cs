using System.Globalization;

namespace OrleansMq.Json;

/// <summary>Times as RFC 3339 text, always written in UTC with Z.</summary>
public static class TimeText
{
    private const string Form = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'";
    private static readonly string[] Forms = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd'T'HH:mm:sszzz"];

    // What a DateTimeOffset can hold of a second; RFC 3339 allows more digits, and they are dropped.
    private const int MaxFractionDigits = 7;
    private const int SecondsEnd = 19;

    public static string Write(DateTimeOffset time) => time.UtcDateTime.ToString(Form, CultureInfo.InvariantCulture);

    /// <summary>Reads a time that names its zone: <c>Z</c> or an offset such as <c>+02:00</c>.</summary>
    public static bool TryParse(string text, out DateTimeOffset time)
    {
        time = default;
        if (text.Length is < SecondsEnd + 1 or > 64)
            return false;
        var upper = text.ToUpperInvariant();
        var zone = upper.IndexOfAny(['Z', '+', '-'], SecondsEnd);
        if (zone < 0)
            return false;
        var fraction = upper.AsSpan(SecondsEnd, zone - SecondsEnd);
        if (fraction.Length == 1 || (fraction.Length > 1 && (fraction[0] != '.' || fraction[1..].ContainsAnyExceptInRange('0', '9'))))
            return false;
        var kept = fraction[..Math.Min(fraction.Length, MaxFractionDigits + 1)];
        var offset = upper.AsSpan(zone);
        if (offset is not "Z" && offset.Length != "+00:00".Length)
            return false;
        var exact = string.Concat(upper.AsSpan(0, SecondsEnd), kept, offset is "Z" ? "+00:00" : offset);
        return DateTimeOffset.TryParseExact(exact, Forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out time);
    }

    /// <summary>As it stands in an address: <c>earliest</c>, <c>latest</c>, an offset, or a time.</summary>
    public static bool TryParseStart(string text, out StartAt start)
    {
        start = StartAt.Earliest;
        if (text == "earliest")
            return true;
        if (text == "latest")
        {
            start = StartAt.Latest;
            return true;
        }
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var offset))
        {
            start = StartAt.Offset(offset);
            return true;
        }
        if (!TryParse(text, out var time))
            return false;
        start = StartAt.Time(time);
        return true;
    }

    /// <summary>The text that <see cref="TryParseStart"/> reads.</summary>
    public static string WriteStart(StartAt start) => start.Kind switch
    {
        StartKind.Earliest => "earliest",
        StartKind.Latest => "latest",
        StartKind.Time => Write(DateTimeOffset.FromUnixTimeMilliseconds(start.Value)),
        _ => start.Value.ToString(CultureInfo.InvariantCulture),
    };
}

/// <summary>Lengths of time as whole milliseconds.</summary>
public static class Durations
{
    /// <summary>The most that a <see cref="TimeSpan"/> holds.</summary>
    public const long MaxMs = long.MaxValue / TimeSpan.TicksPerMillisecond;

    /// <summary>Rounded up, so that a short time does not become none.</summary>
    public static long Milliseconds(TimeSpan time) =>
        Math.Min(MaxMs, time.Ticks / TimeSpan.TicksPerMillisecond + (time.Ticks % TimeSpan.TicksPerMillisecond > 0 ? 1 : 0));
}

using System.Globalization;
using System.Text;
using OrleansMq.Records;

namespace OrleansMq.Core.Half;

/// <summary>When a half message is checked back: an arithmetic of its birth, so that neither a restart nor a lost check changes it.</summary>
/// <param name="Group">Of the producers that are asked.</param>
public sealed record HalfSchedule(string Group, long AfterMs, long EveryMs, int Max)
{
    /// <summary>How many checks were due by now.</summary>
    public int Checks(long bornMs, long nowMs) =>
        nowMs < bornMs + AfterMs ? 0 : (int)Math.Min(Max, (nowMs - bornMs - AfterMs) / EveryMs + 1);

    public long NextCheckMs(long bornMs, int checks) => checks >= Max ? long.MaxValue : bornMs + AfterMs + checks * EveryMs;

    public long TimeOutMs(long bornMs) => bornMs + AfterMs + Max * EveryMs;
}

/// <summary>The header that makes a message a half one: <c>after:every:max:group</c>, times in milliseconds.</summary>
public static class HalfHeaders
{
    public static bool IsHalf(in RecordView record) => record.Headers.TryGetLast(ReservedHeaders.HalfUtf8, out _);

    /// <returns>Null: it is no half message.</returns>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public static HalfSchedule? Read(in RecordView record)
    {
        if (!record.Headers.TryGetLast(ReservedHeaders.HalfUtf8, out var header))
            return null;
        var parts = Encoding.UTF8.GetString(header.Value.Span).Split(':', 4);
        if (parts.Length == 4 && TryNumber(parts[0], out var after) && TryNumber(parts[1], out var every) && every > 0 && TryNumber(parts[2], out var max)
            && max is > 0 and <= HalfLane.MaxChecks && after <= HalfLane.MaxTermMs && every <= HalfLane.MaxTermMs && NameRule.IsValid(parts[3]))
            return new HalfSchedule(parts[3], after, every, (int)max);
        throw new MqException(ErrorCodes.Malformed, $"The header {ReservedHeaders.Half} holds after:every:max:group, times in milliseconds.");
    }

    private static bool TryNumber(string text, out long value) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}

using Cronos;

namespace OrleansMq;

/// <summary>The times of a series: by a cron expression in a time zone, or at a distance, which counts from 1970 so that whoever asks finds the same times.</summary>
public sealed class RecurringTimes
{
    private readonly CronExpression? _cron;
    private readonly TimeZoneInfo _zone;
    private readonly TimeSpan _every;

    private RecurringTimes(CronExpression? cron, TimeZoneInfo zone, TimeSpan every) => (_cron, _zone, _every) = (cron, zone, every);

    /// <param name="expression">Five fields, or six with seconds first; <c>@daily</c> and its like.</param>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static RecurringTimes Cron(string expression, TimeZoneInfo? zone = null)
    {
        try
        {
            var fields = expression.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
            return new RecurringTimes(CronExpression.Parse(expression, fields == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard), zone ?? TimeZoneInfo.Utc, default);
        }
        catch (CronFormatException e)
        {
            throw new ArgumentException($"'{expression}' is no cron expression: {e.Message}", nameof(expression), e);
        }
    }

    /// <exception cref="ArgumentException">It is not positive.</exception>
    public static RecurringTimes Every(TimeSpan distance) =>
        distance > TimeSpan.Zero ? new RecurringTimes(null, TimeZoneInfo.Utc, distance) : throw new ArgumentException($"A distance is positive; {distance} was given.", nameof(distance));

    /// <summary>The times behind one, in their order; of some expressions none.</summary>
    public IEnumerable<DateTimeOffset> After(DateTimeOffset time)
    {
        while (Next(time) is { } next)
            yield return time = next;
    }

    private DateTimeOffset? Next(DateTimeOffset time)
    {
        if (_cron is not null)
            return _cron.GetNextOccurrence(time, _zone);
        var since = (time - DateTimeOffset.UnixEpoch).Ticks;
        return DateTimeOffset.UnixEpoch.AddTicks(since - since % _every.Ticks + _every.Ticks);
    }
}

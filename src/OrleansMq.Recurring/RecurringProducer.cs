using System.Globalization;

namespace OrleansMq;

/// <summary>
/// Sends a message again and again, by a cron expression in a time zone. Each occurrence is a delayed message that is scheduled ahead under a token made of the name and
/// the time, so that any number of producers with the same name send it once, and none need be alive when it is due.
/// </summary>
/// <remarks>Any thread. Dispose it to stop looking; what is scheduled stays (<see cref="CancelAhead"/> takes it back).</remarks>
public sealed class RecurringProducer : IAsyncDisposable
{
    /// <summary>A token has 256 bytes, the time in it 21.</summary>
    private const int MaxNameChars = 200;

    private static readonly TimeSpan Year = TimeSpan.FromDays(365);

    private readonly IBroker _broker;
    private readonly TopicName _topic;
    private readonly string _name;
    private readonly RecurringTimes _times;
    private readonly Func<DateTimeOffset, Message> _message;
    private readonly RecurringOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _looking;

    /// <summary>Up to here all occurrences are known to be scheduled.</summary>
    private DateTimeOffset _scheduledTo;

    /// <param name="name">Names the series within the topic. 1 to 200 of <c>A-Z a-z 0-9 . _ -</c>.</param>
    /// <param name="cron">Five fields, or six with seconds first; <c>@daily</c> and its like. Read in <see cref="RecurringOptions.Zone"/>.</param>
    /// <param name="message">The message of an occurrence. Its token and its time of delivery are set here.</param>
    /// <exception cref="ArgumentException">The name, the expression or the options can't be.</exception>
    public RecurringProducer(
        IBroker broker, TopicName topic, string name, string cron, Func<DateTimeOffset, Message> message, RecurringOptions? options = null, TimeProvider? time = null)
        : this(broker, topic, name, RecurringTimes.Cron(cron, (options ?? new()).Zone), message, options, time)
    {
    }

    /// <inheritdoc cref="RecurringProducer(IBroker, TopicName, string, string, Func{DateTimeOffset, Message}, RecurringOptions, TimeProvider)"/>
    /// <param name="times">When it is sent; <see cref="RecurringOptions.Zone"/> says nothing.</param>
    public RecurringProducer(
        IBroker broker, TopicName topic, string name, RecurringTimes times, Func<DateTimeOffset, Message> message, RecurringOptions? options = null, TimeProvider? time = null)
    {
        (_broker, _topic, _name, _times, _message, _options, _time) = (broker, topic, name, times, message, options ?? new(), time ?? TimeProvider.System);
        _options.Validate();
        if (name.Length is 0 or > MaxNameChars || !NameRule.IsValid(name))
            throw new ArgumentException($"A series has a name of 1 to {MaxNameChars} characters, by the rule of topics; '{name}' was given.", nameof(name));
        _looking = Look();
    }

    /// <summary>The token of an occurrence: the same whoever sends it.</summary>
    public static string TokenOf(string name, DateTimeOffset at) => string.Create(CultureInfo.InvariantCulture, $"{name}@{at.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}");

    /// <summary>The occurrences behind a time.</summary>
    public IEnumerable<DateTimeOffset> After(DateTimeOffset time) => _times.After(time);

    /// <summary>Takes back what is scheduled: the series is over, or changed. Stop all its producers before.</summary>
    /// <returns>How many.</returns>
    public async Task<int> CancelAhead(CancellationToken cancel = default)
    {
        var count = 0;
        foreach (var at in Ahead(_time.GetUtcNow()))
        {
            try
            {
                await _broker.CancelScheduled(_topic, TokenOf(_name, at), cancel);
                count++;
            }
            catch (MqException unknown) when (unknown.Code == ErrorCodes.ScheduledUnknown)
            {
                // It was never scheduled, or is delivered.
            }
        }

        return count;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _looking;
        }
        finally
        {
            _stop.Dispose();
        }
    }

    private IEnumerable<DateTimeOffset> Ahead(DateTimeOffset now) => After(now)
        .TakeWhile(at => at <= now + Year)
        .Take(_options.AtMost)
        .Where((at, i) => i < _options.AtLeast || at <= now + _options.Ahead);

    private async Task Look()
    {
        await Task.Yield();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await ScheduleAhead();
                await Task.Delay(_options.LookEvery, _time, _stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                // Whatever it was, the making of the message included: the series goes on, and its owner is told.
                _options.OnFailure(failure);
                await Rest();
            }
        }
    }

    private async Task ScheduleAhead()
    {
        var now = _time.GetUtcNow();
        foreach (var at in Ahead(now))
        {
            if (at <= _scheduledTo || at < now + _options.Guard)
                continue;
            // Beyond the topic's window of tokens only the message that waits itself says that it is there.
            if (!await IsScheduled(at))
            {
                var result = (await _broker.Publish(_topic, [_message(at) with { Token = TokenOf(_name, at), DeliverAt = at, DeliverAfter = null }], cancel: _stop.Token))[0];
                result.OrThrow();
                if (result.Duplicate && !await IsScheduled(at))
                    throw new MqException(
                        ErrorCodes.Conflict, $"'{_name}' at {at:O} was taken back or delivered, and its token is known still: it is scheduled once the topic's window of tokens is over.");
            }

            _scheduledTo = at;
        }
    }

    private async ValueTask<bool> IsScheduled(DateTimeOffset at)
    {
        try
        {
            await _broker.DescribeScheduled(_topic, TokenOf(_name, at), _stop.Token);
            return true;
        }
        catch (MqException unknown) when (unknown.Code == ErrorCodes.ScheduledUnknown)
        {
            return false;
        }
    }

    private async Task Rest()
    {
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(1), _time, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // Disposed: the loop ends.
        }
    }
}

using System.Text.Json;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>
/// Goes by the schedules of a broker: sends each run as a delayed message, consumes those that are due, and writes reports. Any number of processes have one: the token of a run makes it
/// one message, and its lease gives it to one of them; when that one is lost, to another.
/// </summary>
public sealed class ReconcileDesk : IAsyncDisposable
{
    /// <summary>How often schedules are read again.</summary>
    public static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    private const int RunsAtOnce = 4;
    private const long KeepBytes = 64L << 20;
    private static readonly GroupName Runners = new("runners");
    private static readonly TimeSpan Keep = TimeSpan.FromDays(90);
    private static readonly TimeSpan ReportEvery = TimeSpan.FromMinutes(1);

    // Two ahead: so a run waits at the broker while nobody is there, and after a long absence few are made up for.
    private static readonly RecurringOptions Ahead = new() { Ahead = TimeSpan.FromMinutes(1), AtLeast = 2, AtMost = 2, LookEvery = TimeSpan.FromSeconds(10) };

    private readonly IBroker _broker;
    private readonly Action<string> _report;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ScheduleTable _table;
    private readonly Dictionary<long, RecurringProducer> _series = [];
    private readonly Task _looking;
    private QueueConsumer? _runs;
    private readonly Lock _telling = new();
    private long? _toldAt;

    /// <summary>Not told yet. With <see cref="_faultsToldAt"/> only in <see cref="_turn"/>.</summary>
    private ScheduleFaults _faults;
    private long? _faultsToldAt;

    /// <param name="broker">Not owned; with the broker's own rights.</param>
    /// <param name="report">Told of what fails, and of schedules that can't be, each at most once a minute.</param>
    public ReconcileDesk(IBroker broker, Action<string>? report = null, TimeProvider? time = null)
    {
        (_broker, _report, _time, _table) = (broker, report ?? (_ => { }), time ?? TimeProvider.System, new ScheduleTable(broker));
        _looking = Look();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _looking;
        if (_runs is not null)
            await _runs.DisposeAsync();
        foreach (var series in _series.Values)
            await series.DisposeAsync();
        _stop.Dispose();
        _turn.Dispose();
    }

    private async Task Look()
    {
        await Task.Yield();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await ReadTable(_stop.Token);
                if (_table.Exists)
                    await TakeUp(_stop.Token);
                else
                    await End([.. _series.Keys]);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it was: schedules that were forgotten would be so in silence.
                Tell($"Schedules of reconciliations can't be read, and are read again: {e.Message}");
            }

            await Task.Delay(LookEvery, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task ReadTable(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            _faults += await _table.Read(cancel);
            TellFaults();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>With those since the last time.</summary>
    private void TellFaults()
    {
        if (_faults.Count == 0 || (_faultsToldAt is { } at && _time.GetElapsedTime(at) < ReportEvery))
            return;
        _faultsToldAt = _time.GetTimestamp();
        _report(_faults.ToString());
        _faults = default;
    }

    private async Task TakeUp(CancellationToken cancel)
    {
        var wanted = await Present(cancel);
        await End([.. _series.Keys.Where(number => wanted.All(each => each.Number != number))]);
        if (wanted.Count == 0)
            return;
        if (_runs is null)
        {
            await _broker.PutTopic(ReconcileSchedules.Due, new TopicChange(), cancel);
            await _broker.PutGroup(ReconcileSchedules.Due, Runners, new GroupChange(), cancel);
            _runs = new QueueConsumer(_broker, ReconcileSchedules.Due, Runners, Run, new()
            {
                Workers = RunsAtOnce,
                Prefetch = RunsAtOnce,
                StopTimeout = TimeSpan.FromSeconds(2),
                OnError = e => Tell($"A reconciliation failed, and is tried again: {e.Message}"),
            }, _time);
        }

        foreach (var stored in wanted.Where(each => !_series.ContainsKey(each.Number)))
            _series[stored.Number] = new RecurringProducer(
                _broker, ReconcileSchedules.Due, $"reconcile-{stored.Number}", stored.Schedule.Times(_time.GetUtcNow()), due => DueMessage(stored, due),
                Ahead with { OnFailure = e => Tell($"The next {stored.Schedule} can't be sent ahead, and is tried again: {e.Message}") }, _time);
    }

    private async Task<IReadOnlyList<StoredSchedule>> Present(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            return [.. _table.Schedules];
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Of schedules that were changed or taken away. What another process sends ahead all the same is looked past when it is due.</summary>
    private async Task End(IReadOnlyList<long> numbers)
    {
        foreach (var number in numbers)
        {
            var series = _series[number];
            await series.DisposeAsync();
            _series.Remove(number);
            await series.CancelAhead(_stop.Token);
        }
    }

    private async Task Run(Delivery delivery, CancellationToken cancel)
    {
        var due = Read(delivery);
        await ReadTable(cancel);
        var (schedule, elsewhere) = await Find(due, cancel);
        // For another process.
        if (elsewhere)
            throw new RefuseException();
        // It was changed or taken away meanwhile.
        if (schedule is null)
            return;
        // Before anything is delivered again: without its report the run would come again, and deliver again.
        if (schedule.Schedule.ReportTo is { } topic)
            await _broker.DescribeTopic(topic, cancel);
        var report = await new ReconcileRun(_broker, schedule, due.At).Do(_time.GetUtcNow(), cancel);
        await Publish(schedule.Schedule.ReportTo ?? ReconcileSchedules.Reports, report, cancel);
    }

    private async Task<(StoredSchedule? Schedule, bool Elsewhere)> Find(DueRun due, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            var stored = _table.Find(due.Topic, due.Group);
            return (stored?.Number == due.Number ? stored : null, _table.CannotRead(due.Topic, due.Group, due.Number));
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task Publish(TopicName topic, Message report, CancellationToken cancel)
    {
        if (topic == ReconcileSchedules.Reports)
            await _broker.PutTopic(topic, new TopicChange { KeepUnsettled = false, Retention = Keep, RetentionBytes = (long?)KeepBytes, TokenAge = TimeSpan.FromDays(1) }, cancel);
        foreach (var result in await _broker.Publish(topic, [report], cancel: cancel))
            result.OrThrow();
    }

    private static Message DueMessage(StoredSchedule stored, DateTimeOffset at) => new()
    {
        ContentType = "application/json",
        Body = ReconcileScheduleJson.Utf8(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("topic", stored.Schedule.Topic.Text);
            writer.WriteString("group", stored.Schedule.Group.Text);
            writer.WriteNumber("schedule", stored.Number);
            writer.WriteString("due", TimeText.Write(at));
            writer.WriteEndObject();
        }),
    };

    private static DueRun Read(Delivery delivery)
    {
        try
        {
            using var document = JsonDocument.Parse(delivery.Body);
            var spot = document.RootElement;
            return new DueRun(
                new TopicName(spot.GetProperty("topic").GetString()!), new GroupName(spot.GetProperty("group").GetString()!), spot.GetProperty("schedule").GetInt64(), spot.GetProperty("due").GetDateTimeOffset());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or MqException)
        {
            throw new DeadLetterException($"It is no run of a reconciliation: {e.Message}", e);
        }
    }

    private void Tell(string line)
    {
        lock (_telling)
        {
            if (_toldAt is { } at && _time.GetElapsedTime(at) < ReportEvery)
                return;
            _toldAt = _time.GetTimestamp();
        }

        _report(line);
    }

    private readonly record struct DueRun(TopicName Topic, GroupName Group, long Number, DateTimeOffset At);
}

using System.Globalization;
using System.Text.Json;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>One run of a schedule: looks, delivers again, and says what it found.</summary>
internal sealed class ReconcileRun(IBroker broker, StoredSchedule stored, DateTimeOffset due)
{
    /// <summary>Messages that a report shows.</summary>
    public const int MaxShown = 100;

    /// <summary>Messages that one run delivers again. What is beyond is the next run's.</summary>
    public const int MaxRedelivered = 10_000;

    /// <summary>Messages that one run looks at for them. Dead letters at their limit are not counted: they stay, and would hide those behind them from every run.</summary>
    public int MaxExamined { get; init; } = 100_000;

    public int MaxPage { get; init; } = ReconcileRequest.MaxMessages;

    private readonly ReconcileSchedule _schedule = stored.Schedule;

    /// <summary>The same whoever runs, so that a run which is repeated reports once.</summary>
    public string Token => string.Create(CultureInfo.InvariantCulture, $"reconcile-{stored.Number}@{due.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}");

    /// <returns>The report's message.</returns>
    public async Task<Message> Do(DateTimeOffset now, CancellationToken cancel)
    {
        try
        {
            var found = await broker.Reconcile(_schedule.Topic, _schedule.Group, new() { OlderThan = _schedule.OlderThan, Max = MaxShown }, cancel);
            var again = _schedule.Redeliver.Count > 0 && found.Counts.Total > 0 ? await Redeliver(cancel) : new Again(0, 0, false);
            return Report(writer => WriteFound(writer, found, again), now);
        }
        catch (MqException refusal) when (refusal.Code is ErrorCodes.TopicUnknown or ErrorCodes.GroupUnknown or ErrorCodes.Conflict)
        {
            // Trying again would not help; whoever reads reports is to know.
            return Report(writer =>
            {
                writer.WriteStartObject("error");
                writer.WriteString("code", refusal.Code);
                writer.WriteString("message", refusal.Message);
                writer.WriteEndObject();
            }, now);
        }
    }

    private async Task<Again> Redeliver(CancellationToken cancel)
    {
        List<Position> chosen = [];
        var (atLimit, examined) = (0, 0);
        string? after = null;
        do
        {
            var page = await broker.Reconcile(_schedule.Topic, _schedule.Group,
                new() { OlderThan = _schedule.OlderThan, Causes = _schedule.Redeliver, Max = MaxPage, After = after }, cancel);
            var open = page.Messages.Where(message => !IsAtLimit(message)).ToList();
            chosen.AddRange(open.Where(message => !message.Expired).Select(message => message.Message.Position));
            (after, examined, atLimit) = (page.Next, examined + open.Count, atLimit + page.Messages.Count - open.Count);
        }
        while (after is not null && chosen.Count < MaxRedelivered && examined < MaxExamined);

        var more = after is not null || chosen.Count > MaxRedelivered;
        if (chosen.Count > MaxRedelivered)
            chosen.RemoveRange(MaxRedelivered, chosen.Count - MaxRedelivered);
        var count = chosen.Count == 0
            ? 0
            : await broker.Redeliver(_schedule.Topic, _schedule.Group, new() { OlderThan = _schedule.OlderThan, Causes = _schedule.Redeliver, Positions = chosen }, cancel);
        return new Again(count, atLimit, more);
    }

    private bool IsAtLimit(UnsettledMessage message) => message.Cause == UnsettledCause.Dead && message.Message.DeadLetter?.Redrives >= _schedule.MaxRedrives;

    private Message Report(Action<Utf8JsonWriter> outcome, DateTimeOffset now) => new()
    {
        Key = ScheduleTable.KeyOf(_schedule.Topic, _schedule.Group),
        Token = Token,
        ContentType = "application/json",
        Body = ReconcileScheduleJson.Utf8(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("topic", _schedule.Topic.Text);
            writer.WriteString("group", _schedule.Group.Text);
            writer.WriteString("due", TimeText.Write(due));
            writer.WriteString("at", TimeText.Write(now));
            writer.WriteNumber("olderThanMs", Durations.Milliseconds(_schedule.OlderThan));
            outcome(writer);
            writer.WriteEndObject();
        }),
    };

    private static void WriteFound(Utf8JsonWriter writer, Reconciliation found, Again again)
    {
        writer.WritePropertyName("counts");
        ReconcileJson.WriteCounts(writer, found.Counts);
        writer.WriteNumber("redelivered", again.Count);
        writer.WriteNumber("atLimit", again.AtLimit);
        writer.WriteBoolean("moreToRedeliver", again.More);
        writer.WriteStartArray("messages");
        foreach (var message in found.Messages)
            WriteMessage(writer, message);
        writer.WriteEndArray();
        writer.WriteBoolean("moreMessages", found.Next is not null);
    }

    // Without body and headers: who may read reports need not be who may read the topic.
    private static void WriteMessage(Utf8JsonWriter writer, UnsettledMessage message)
    {
        writer.WriteStartObject();
        writer.WriteString("position", message.Message.Position.ToString());
        writer.WriteString("cause", Words.UnsettledCause.Write(message.Cause));
        writer.WriteNumber("deliveries", message.Deliveries);
        if (message.Expired)
            writer.WriteBoolean("expired", true);
        if (message.AppendedAt is { } at)
            writer.WriteString("appendedAt", TimeText.Write(at));
        if (message.Message.Token is { } token)
            writer.WriteString("token", token);
        if (message.Message.DeadLetter is { } dead)
        {
            writer.WriteString("reason", dead.Reason);
            writer.WriteNumber("redrives", dead.Redrives);
        }

        writer.WriteEndObject();
    }

    /// <param name="AtLimit">Dead letters that were redriven as often as they may be.</param>
    private readonly record struct Again(int Count, int AtLimit, bool More);
}

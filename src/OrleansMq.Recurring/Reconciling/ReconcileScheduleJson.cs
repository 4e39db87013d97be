using System.Buffers;
using System.Text.Json;
using OrleansMq.Json;

namespace OrleansMq;

/// <summary>A schedule as its message, and as <c>mq</c>, have it.</summary>
/// <remarks><c>{"topic","group","cron","zone","everyMs","olderThanMs","redeliver":["dead","returned"],"maxRedrives":3,"reportTo"}</c></remarks>
public static class ReconcileScheduleJson
{
    private const int Causes = 6;

    public static void Write(Utf8JsonWriter writer, ReconcileSchedule schedule)
    {
        writer.WriteStartObject();
        writer.WriteString("topic", schedule.Topic.Text);
        writer.WriteString("group", schedule.Group.Text);
        if (schedule.Cron is { } cron)
            writer.WriteString("cron", cron);
        if (schedule.Zone is { } zone)
            writer.WriteString("zone", zone);
        if (schedule.Every is { } every)
            writer.WriteNumber("everyMs", Durations.Milliseconds(every));
        writer.WriteNumber("olderThanMs", Durations.Milliseconds(schedule.OlderThan));
        writer.WriteStartArray("redeliver");
        foreach (var cause in schedule.Redeliver)
            writer.WriteStringValue(Words.UnsettledCause.Write(cause));
        writer.WriteEndArray();
        writer.WriteNumber("maxRedrives", schedule.MaxRedrives);
        if (schedule.ReportTo is { } topic)
            writer.WriteString("reportTo", topic.Text);
        writer.WriteEndObject();
    }

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public static ReconcileSchedule Read(JsonSpot spot)
    {
        TopicName? topic = null;
        GroupName? group = null;
        var schedule = new ReconcileSchedule { Topic = new TopicName("t"), Group = new GroupName("g") };
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "topic": topic = new TopicName(field.Text()); break;
                case "group": group = new GroupName(field.Text()); break;
                case "cron": schedule = schedule with { Cron = field.Text(ReconcileSchedule.MaxTextChars) }; break;
                case "zone": schedule = schedule with { Zone = field.Text(ReconcileSchedule.MaxTextChars) }; break;
                case "everyMs": schedule = schedule with { Every = field.Milliseconds() }; break;
                case "olderThanMs": schedule = schedule with { OlderThan = field.Milliseconds() }; break;
                case "redeliver": schedule = schedule with { Redeliver = field.Items(Causes, f => f.Word(Words.UnsettledCause)) }; break;
                case "maxRedrives": schedule = schedule with { MaxRedrives = field.Int32() }; break;
                case "reportTo": schedule = schedule with { ReportTo = new TopicName(field.Text()) }; break;
                default: field.Unknown(); break;
            }
        }
        return schedule with { Topic = topic ?? throw spot.Missing("topic"), Group = group ?? throw spot.Missing("group") };
    }

    internal static ReadOnlyMemory<byte> Utf8(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        JsonForm.Write(buffer, write);
        return buffer.WrittenMemory;
    }
}

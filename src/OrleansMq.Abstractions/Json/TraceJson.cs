using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>The way of one message, and how long messages take.</summary>
public static class TraceJson
{
    /// <summary><c>{"message":{…},"events":[{"stage","at","group","delivery","consumer","until"}],"whole":true}</c></summary>
    public static void Write(Utf8JsonWriter writer, MessageTrace trace)
    {
        writer.WriteStartObject();
        writer.WritePropertyName("message");
        StoredMessageJson.Write(writer, trace.Message);
        writer.WriteList("events", trace.Events, WriteEvent);
        writer.WriteBoolean("whole", trace.IsWhole);
        writer.WriteEndObject();
    }

    public static MessageTrace Read(JsonSpot spot)
    {
        StoredMessage? message = null;
        IReadOnlyList<TraceEvent> events = [];
        var isWhole = true;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "message": message = StoredMessageJson.Read(field); break;
                case "events": events = field.Items(int.MaxValue, ReadEvent); break;
                case "whole": isWhole = field.Flag(); break;
                default: field.Unknown(); break;
            }
        }
        return new MessageTrace(message ?? throw spot.Missing("message"), events, isWhole);
    }

    /// <summary><c>{"messages","append":{…},"wait":{…},"handle":{…},"total":{…},"redeliveries","deadLettered","whole"}</c></summary>
    public static void WriteTimes(Utf8JsonWriter writer, StageTimes times)
    {
        writer.WriteStartObject();
        writer.WriteNumber("messages", times.Messages);
        WriteHistogram(writer, "append", times.Append);
        WriteHistogram(writer, "wait", times.Wait);
        WriteHistogram(writer, "handle", times.Handle);
        WriteHistogram(writer, "total", times.Total);
        writer.WriteNumber("redeliveries", times.Redeliveries);
        writer.WriteNumber("deadLettered", times.DeadLettered);
        writer.WriteBoolean("whole", times.IsWhole);
        writer.WriteEndObject();
    }

    public static StageTimes ReadTimes(JsonSpot spot)
    {
        var times = StageTimes.None;
        foreach (var field in spot.Fields())
        {
            times = field.Name switch
            {
                "messages" => times with { Messages = field.Int64() },
                "append" => times with { Append = ReadHistogram(field) },
                "wait" => times with { Wait = ReadHistogram(field) },
                "handle" => times with { Handle = ReadHistogram(field) },
                "total" => times with { Total = ReadHistogram(field) },
                "redeliveries" => times with { Redeliveries = field.Int64() },
                "deadLettered" => times with { DeadLettered = field.Int64() },
                "whole" => times with { IsWhole = field.Flag() },
                _ => field.Unknown(times),
            };
        }
        return times;
    }

    private static void WriteEvent(Utf8JsonWriter writer, TraceEvent told)
    {
        writer.WriteStartObject();
        writer.WriteString("stage", Words.TraceStage.Write(told.Stage));
        writer.WriteTime("at", told.At);
        writer.WriteTextUnlessNull("group", told.Group);
        if (told.Delivery > 0)
            writer.WriteNumber("delivery", told.Delivery);
        writer.WriteTextUnlessNull("consumer", told.Consumer);
        if (told.Until is { } until)
            writer.WriteTime("until", until);
        writer.WriteEndObject();
    }

    private static TraceEvent ReadEvent(JsonSpot spot)
    {
        var told = new TraceEvent(TraceStage.Created, DateTimeOffset.UnixEpoch);
        foreach (var field in spot.Fields())
        {
            told = field.Name switch
            {
                "stage" => told with { Stage = field.Word(Words.TraceStage) },
                "at" => told with { At = field.Time() },
                "group" => told with { Group = field.Text() },
                "delivery" => told with { Delivery = field.Int32() },
                "consumer" => told with { Consumer = field.Text() },
                "until" => told with { Until = field.Time() },
                _ => field.Unknown(told),
            };
        }
        return told;
    }

    private static void WriteHistogram(Utf8JsonWriter writer, string name, StageHistogram histogram)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("count", histogram.Count);
        writer.WriteNumber("sumMs", histogram.SumMs);
        foreach (var percent in (int[])[50, 90, 99])
            writer.WriteMs($"p{percent}Ms", histogram.Percentile(percent));
        writer.WriteNumber("maxMs", histogram.MaxMs);
        writer.WriteList("buckets", histogram.Buckets, (w, bucket) =>
        {
            w.WriteStartObject();
            w.WriteNumber("upToMs", bucket.UpToMs);
            w.WriteNumber("count", bucket.Count);
            w.WriteEndObject();
        });
        writer.WriteEndObject();
    }

    private static StageHistogram ReadHistogram(JsonSpot spot)
    {
        var histogram = StageHistogram.Empty;
        foreach (var field in spot.Fields())
        {
            histogram = field.Name switch
            {
                "count" => histogram with { Count = field.Int64() },
                "sumMs" => histogram with { SumMs = field.Int64() },
                "p50Ms" or "p90Ms" or "p99Ms" => histogram,
                "maxMs" => histogram with { MaxMs = field.Int64() },
                "buckets" => histogram with { Buckets = field.Items(int.MaxValue, ReadBucket) },
                _ => field.Unknown(histogram),
            };
        }
        return histogram;
    }

    private static StageBucket ReadBucket(JsonSpot spot)
    {
        var bucket = default(StageBucket);
        foreach (var field in spot.Fields())
        {
            bucket = field.Name switch
            {
                "upToMs" => bucket with { UpToMs = field.Int64() },
                "count" => bucket with { Count = field.Int64() },
                _ => field.Unknown(bucket),
            };
        }
        return bucket;
    }
}

using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>What became of messages and of record batches that were sent.</summary>
public static class PublishJson
{
    /// <summary><c>{"results":[{"position","duplicate"}, {"scheduled","duplicate"}, {"half","duplicate"} or {"error"}]}</c></summary>
    public static void WriteResults(Utf8JsonWriter writer, IReadOnlyList<PublishResult> results)
    {
        writer.WriteStartObject();
        WriteResultsField(writer, results);
        writer.WriteEndObject();
    }

    /// <summary>The field alone, for a problem document that says of each message why it was refused.</summary>
    public static void WriteResultsField(Utf8JsonWriter writer, IReadOnlyList<PublishResult> results) =>
        writer.WriteList("results", results, WriteResult);

    public static IReadOnlyList<PublishResult> ReadResults(JsonSpot spot) =>
        TryReadResults(spot) ?? throw spot.Missing("results");

    /// <summary>Null: the document (a problem of the whole request) has none.</summary>
    public static IReadOnlyList<PublishResult>? TryReadResults(JsonSpot spot)
    {
        IReadOnlyList<PublishResult>? results = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "results")
                results = field.Items(MessageJson.MaxMessages, ReadResult);
            else
                field.Unknown();
        }
        return results;
    }

    /// <summary><c>{"baseOffset","duplicate","records":[…]}</c>: the brief answer to one record batch; <c>records</c> only where it was rich.</summary>
    public static void WriteAppended(Utf8JsonWriter writer, int partition, AppendResult appended)
    {
        writer.WriteStartObject();
        writer.WriteNumber("baseOffset", appended.BaseOffset);
        writer.WriteBoolean("duplicate", appended.Duplicate);
        if (appended.Records is { } records)
            writer.WriteList("records", records, (w, record) => WriteResult(w, ResultOf(partition, record)));
        writer.WriteEndObject();
    }

    /// <param name="partition">What was appended to: a record that stands elsewhere says so.</param>
    public static AppendResult ReadAppended(JsonSpot spot, int partition)
    {
        long? baseOffset = null;
        var duplicate = false;
        IReadOnlyList<RecordOutcome>? records = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "baseOffset": baseOffset = field.Int64(); break;
                case "duplicate": duplicate = field.Flag(); break;
                case "records": records = field.Items(int.MaxValue, record => ReadRecord(record, partition)); break;
                default: field.Unknown(); break;
            }
        }
        return new AppendResult { BaseOffset = baseOffset ?? throw spot.Missing("baseOffset"), Duplicate = duplicate, Records = records };
    }

    /// <summary>A rich record's outcome, as a message's.</summary>
    public static PublishResult ResultOf(int partition, RecordOutcome record) =>
        new(new Position(record.Partition ?? partition, record.Offset), record.Duplicate, record.Error) { Scheduled = record.Scheduled, Half = record.Half };

    private static void WriteResult(Utf8JsonWriter writer, PublishResult result)
    {
        writer.WriteStartObject();
        WriteResultFields(writer, result);
        writer.WriteEndObject();
    }

    internal static void WriteResultFields(Utf8JsonWriter writer, PublishResult result)
    {
        if (result.Error is null)
        {
            if (result.Scheduled is { } scheduled)
                writer.WriteString("scheduled", scheduled);
            else if (result.Half is { } half)
                writer.WriteString("half", half);
            else
                writer.WritePosition("position", result.Position);
            writer.WriteBoolean("duplicate", result.Duplicate);
        }
        ErrorJson.WriteUnlessNull(writer, result.Error);
    }

    private static PublishResult ReadResult(JsonSpot spot)
    {
        Position? position = null;
        string? scheduled = null, half = null;
        var duplicate = false;
        MqError? error = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "position": position = field.Position(); break;
                case "half": half = field.IsNull ? null : field.Text(); break;
                case "scheduled": scheduled = field.IsNull ? null : field.Text(); break;
                case "duplicate": duplicate = field.Flag(); break;
                case "error": error = field.IsNull ? null : ErrorJson.Read(field); break;
                default: field.Unknown(); break;
            }
        }
        if (position is null && scheduled is null && half is null && error is null)
            throw spot.Missing("position");
        return new PublishResult(position ?? new Position(-1, -1), duplicate, error) { Scheduled = scheduled, Half = half };
    }

    private static RecordOutcome ReadRecord(JsonSpot spot, int partition)
    {
        var result = ReadResult(spot);
        var (at, offset) = (result.Position.Partition, result.Position.Offset);
        return new RecordOutcome(offset, result.Duplicate, result.Error) { Scheduled = result.Scheduled, Half = result.Half, Partition = at >= 0 && at != partition ? at : null };
    }
}

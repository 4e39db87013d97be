using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace OrleansMq.Json;

/// <summary>From bytes to a value and back, by the readers and writers of this folder.</summary>
public static class JsonForm
{
    /// <summary>How deep a request may nest; System.Text.Json's own default.</summary>
    public const int MaxRequestDepth = 64;

    // An answer wraps a body that came in at the request's depth in a few levels of its own.
    private const int MaxAnswerDepth = MaxRequestDepth + 16;

    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = MaxAnswerDepth };

    /// <summary>Reads a request: one JSON document in UTF-8, nothing behind it, no unknown field.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>, with the place in its text.</exception>
    public static T ReadRequest<T>(ReadOnlyMemory<byte> utf8, Func<JsonSpot, T> read) => Read(utf8, read, strict: true);

    /// <summary>Reads an answer: fields that are not known are passed over.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public static T ReadAnswer<T>(ReadOnlyMemory<byte> utf8, Func<JsonSpot, T> read) => Read(utf8, read, strict: false);

    public static Utf8JsonWriter WriterTo(IBufferWriter<byte> output) => new(output, Writing);

    public static void Write(IBufferWriter<byte> output, Action<Utf8JsonWriter> write)
    {
        using var writer = WriterTo(output);
        write(writer);
    }

    /// <summary>Whether the bytes are one JSON value and nothing else, not even space around it: such a body can be embedded and taken out unchanged.</summary>
    public static bool IsBareJson(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty || IsSpace(utf8[0]) || IsSpace(utf8[^1]) || !Utf8.IsValid(utf8))
            return false;
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxRequestDepth });
        try
        {
            while (reader.Read())
            {
            }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static T Read<T>(ReadOnlyMemory<byte> utf8, Func<JsonSpot, T> read, bool strict)
    {
        // The parser looks at the encoding of a string only when asked for it, and a body is kept unasked.
        if (!Utf8.IsValid(utf8.Span))
            throw new MqException(ErrorCodes.Malformed, "$ is not UTF-8.");
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(utf8, new JsonDocumentOptions { MaxDepth = strict ? MaxRequestDepth : MaxAnswerDepth });
        }
        catch (JsonException e)
        {
            throw new MqException(ErrorCodes.Malformed, $"$ is not JSON: {e.Message}", inner: e);
        }
        using (document)
            return read(new JsonSpot(document.RootElement, strict));
    }

    private static bool IsSpace(byte b) => b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';
}

internal static class JsonWriting
{
    public static void WriteChange<T>(this Utf8JsonWriter writer, string name, Change<T> change, Action<Utf8JsonWriter, T> write)
    {
        if (change.Kind == ChangeKind.Keep)
            return;
        writer.WritePropertyName(name);
        if (change.Kind == ChangeKind.Default || change.Value is null)
            writer.WriteNullValue();
        else
            write(writer, change.Value);
    }

    public static void WritePosition(this Utf8JsonWriter writer, Position position)
    {
        writer.WriteStartObject();
        writer.WriteNumber("partition", position.Partition);
        writer.WriteNumber("offset", position.Offset);
        writer.WriteEndObject();
    }

    public static void WritePosition(this Utf8JsonWriter writer, string name, Position position)
    {
        writer.WritePropertyName(name);
        writer.WritePosition(position);
    }

    public static void WriteList<T>(this Utf8JsonWriter writer, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> write)
    {
        writer.WriteStartArray(name);
        foreach (var item in items)
            write(writer, item);
        writer.WriteEndArray();
    }

    public static void WriteMs(this Utf8JsonWriter writer, string name, TimeSpan time) => writer.WriteNumber(name, Durations.Milliseconds(time));

    public static void WriteTime(this Utf8JsonWriter writer, string name, DateTimeOffset time) => writer.WriteString(name, TimeText.Write(time));

    public static void WriteStart(this Utf8JsonWriter writer, StartAt start)
    {
        if (start.Kind == StartKind.Offset)
            writer.WriteNumberValue(start.Value);
        else
            writer.WriteStringValue(TimeText.WriteStart(start));
    }

    public static void WriteTextUnlessNull(this Utf8JsonWriter writer, string name, string? text)
    {
        if (text is not null)
            writer.WriteString(name, text);
    }
}

using System.Buffers;
using System.Text;
using System.Text.Json;
using OrleansMq.Json;
using Spectre.Console;

namespace OrleansMq.Cli;

/// <summary>
/// Standard output: tables for a person at a terminal, the same rows tab-separated and without titles for a pipe, JSON for programs.
/// A reader that has gone is an <see cref="OutputClosedException"/>.
/// </summary>
internal sealed class Printer(TextWriter writer, bool terminal, bool json)
{
    public bool Json => json;

    public void Line(string text) => Write(() => writer.WriteLine(text));

    /// <summary>One JSON value on a line of its own.</summary>
    public void Line(Action<Utf8JsonWriter> write) => Line(Text(write));

    /// <summary>The JSON for programs, the text for a person.</summary>
    public void Result(string text, Action<Utf8JsonWriter> write)
    {
        if (json)
            Line(write);
        else
            Line(text);
    }

    /// <summary>A JSON object with some flat fields.</summary>
    public static Action<Utf8JsonWriter> Fields(params (string Name, object Value)[] fields) => writer =>
    {
        writer.WriteStartObject();
        foreach (var (name, value) in fields)
        {
            writer.WritePropertyName(name);
            JsonSerializer.Serialize(writer, value);
        }
        writer.WriteEndObject();
    };

    public void Table(string title, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        if (terminal)
            Drawn(title, columns, rows);
        else
            foreach (var row in rows)
                Line(string.Join('\t', row.Select(OnOneLine)));
    }

    /// <summary>The fields of a JSON object, one under another; objects in it stay JSON.</summary>
    /// <param name="of">Only of the object in this field.</param>
    public void Facts(string title, Action<Utf8JsonWriter> write, string? of = null, params IReadOnlyList<string> without)
    {
        using var document = JsonDocument.Parse(Text(write));
        var whole = of is null ? document.RootElement : document.RootElement.GetProperty(of);
        Table(title, ["", ""], whole.EnumerateObject().Where(field => !without.Contains(field.Name)).Select(IReadOnlyList<string> (field) =>
            [field.Name, Plain(field.Value)]));
    }

    /// <summary>Everything written so far has left this process, or whoever read it has gone.</summary>
    public void Flush() => Write(writer.Flush);

    private static string Plain(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => "none",
        JsonValueKind.String => value.GetString()!,
        _ => value.GetRawText(),
    };

    private static string Text(Action<Utf8JsonWriter> write)
    {
        var utf8 = new ArrayBufferWriter<byte>();
        JsonForm.Write(utf8, write);
        return Encoding.UTF8.GetString(utf8.WrittenSpan);
    }

    private void Drawn(string title, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = new Table { Border = TableBorder.Rounded, Title = new TableTitle(Markup.Escape(title)), ShowHeaders = columns.Any(c => c.Length > 0) };
        foreach (var column in columns)
            table.AddColumn(new TableColumn(Markup.Escape(column)));
        foreach (var row in rows)
            table.AddRow([.. row.Select(cell => new Spectre.Console.Text(OnOneLine(cell)))]);
        Write(() => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) }).Write(table));
    }

    private static string OnOneLine(string cell) => cell.AsSpan().IndexOfAny("\t\r\n") < 0 ? cell : cell.ReplaceLineEndings(" ").Replace('\t', ' ');

    private static void Write(Action write)
    {
        try
        {
            write();
        }
        catch (IOException e)
        {
            throw new OutputClosedException(e);
        }
    }
}

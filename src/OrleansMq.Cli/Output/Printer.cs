using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace OrleansMq.Cli;

/// <summary>
/// Standard output: tables for a person at a terminal, the same rows tab-separated and without titles for a pipe, JSON for programs.
/// A reader that has gone is an <see cref="OutputClosedException"/>.
/// </summary>
internal sealed class Printer(TextWriter writer, bool terminal, bool json)
{
    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public bool Json => json;

    public void Line(string text) => Write(() => writer.WriteLine(text));

    /// <summary>One JSON value on a line of its own.</summary>
    public void Line(JsonNode node) => Line(node.ToJsonString(OneLine));

    /// <summary>A short result: the JSON for programs, the text for a person.</summary>
    public void Result(JsonNode node, string text)
    {
        if (json)
            Line(node);
        else
            Line(text);
    }

    public void Table(string title, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        if (terminal)
            Drawn(title, columns, rows);
        else
            foreach (var row in rows)
                Line(string.Join('\t', row.Select(OnOneLine)));
    }

    /// <summary>Names and values, one under another.</summary>
    public void Facts(string title, IEnumerable<(string Name, string Value)> facts) =>
        Table(title, ["", ""], facts.Select(f => (IReadOnlyList<string>)[f.Name, f.Value]));

    /// <summary>Everything written so far has left this process, or whoever read it has gone.</summary>
    public void Flush() => Write(writer.Flush);

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

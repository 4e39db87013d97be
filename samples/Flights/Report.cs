using System.Globalization;
using Spectre.Console;

namespace OrleansMq.Samples.Flights;

/// <summary>The table at the end.</summary>
internal static class Report
{
    public static void Print(Ledger ledger, IReadOnlyList<Promise> promises, TimeSpan publishing, TimeSpan replaying)
    {
        Table("What happened", ["", ""], Counts(ledger, publishing, replaying));
        Table("How long it took", ["stage", "p50 ms", "p99 ms"],
        [
            Stage("publish → acknowledged on disk", ledger.ToAck),
            Stage("publish → on the board", ledger.ToBoard),
            Stage("publish → delay handled (retries and redrives included)", ledger.ToHandled),
        ]);
        Table("What was promised", ["promise", ""], promises.Select(p => new[] { p.Text, p.IsKept ? "kept" : $"BROKEN {Number(p.Broken)} times" }));
    }

    private static IEnumerable<string[]> Counts(Ledger ledger, TimeSpan publishing, TimeSpan replaying) =>
    [
        ["published", Number(ledger.Acked)],
        ["broker killed (SIGKILL)", string.Create(CultureInfo.InvariantCulture, $"with {Number(ledger.Killed)} acknowledged; back after {ledger.Down.TotalSeconds:N1} s")],
        ["published msgs/s, the kill included", Number((long)(ledger.Acked / publishing.TotalSeconds))],
        ["delivered to boards (log style)", $"{Number(ledger.Boards.Seen)}, and {Number(ledger.Boards.Again)} again after the kill"],
        ["delivered to delays (queue style)", Number(ledger.DelaysDelivered)],
        ["delivered to late (log style)", Number(ledger.Late.Seen)],
        ["replayed msgs/s", Number((long)(ledger.Late.Seen / replaying.TotalSeconds))],
        ["delayed flights handled", $"{Number(ledger.Handled)} of {Number(ledger.Delayed)}"],
        ["duplicates suppressed by the broker", $"{Number(ledger.Duplicates)}, of them {Number(ledger.Resent)} sent again on purpose"],
        ["duplicates suppressed by the handler", Number(ledger.HandledAgain)],
        ["failed on purpose", Number(ledger.FailedOnPurpose)],
        ["redelivered", Number(ledger.DelaysRedelivered)],
        ["dead-lettered", Number(ledger.DeadLettered)],
        ["redriven", Number(ledger.Redriven)],
        ["order violations", Number(ledger.Boards.OutOfOrder + ledger.Late.OutOfOrder)],
        ["lost", Number(ledger.Lost)],
    ];

    private static string[] Stage(string name, Latencies latencies) => [name, Ms(latencies.Percentile(0.50)), Ms(latencies.Percentile(0.99))];

    private static void Table(string title, string[] columns, IEnumerable<string[]> rows)
    {
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine($"\n{title}");
            foreach (var row in rows)
                Console.WriteLine($"  {row[0],-80}{string.Concat(row.Skip(1).Select(cell => $"{cell,12}"))}");
            return;
        }
        var table = new Table { Title = new TableTitle(title), Border = TableBorder.Rounded, ShowHeaders = columns[0].Length > 0 };
        foreach (var column in columns)
            table.AddColumn(new TableColumn(column));
        foreach (var row in rows)
            table.AddRow(row.Select(Markup.Escape).ToArray());
        AnsiConsole.Write(table);
    }

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Ms(TimeSpan? time) => time?.TotalMilliseconds.ToString("N1", CultureInfo.InvariantCulture) ?? "-";
}

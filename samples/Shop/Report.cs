using System.Globalization;
using Spectre.Console;

namespace OrleansMq.Samples.Shop;

/// <summary>The table at the end of a sale.</summary>
internal static class Report
{
    /// <returns>Whether the ledger balances.</returns>
    public static bool Print(string host, Ledger ledger, TimeSpan took)
    {
        var title = string.Create(CultureInfo.InvariantCulture, $"Ledger of the sale on {host}, {took.TotalSeconds:N1} s");
        Print(title, [.. Counts(ledger), .. ledger.Promises.Select(promise => (promise.Promise, promise.Off == 0 ? "kept" : "BROKEN", promise.Off == 0 ? "" : $"off by {Number(promise.Off)}"))]);
        return ledger.Promises.All(promise => promise.Off == 0);
    }

    private static IEnumerable<(string What, string Count, string Remark)> Counts(Ledger ledger) =>
    [
        ("burst", Number(ledger.Burst), ""),
        ("accepted", Number(ledger.Board.AcceptedCount), ""),
        ("refused at once", Number(ledger.Board.RefusedCount), ""),
        ("stock deducted", Number(ledger.Sum(Inventory.Title, "units")), "down for a while"),
        ("notices to the merchant", Number(ledger.Entries(MerchantNotice.Title)), "at the merchant's own pace"),
        ("orders with points", Number(ledger.Entries(MemberPoints.Title)), ""),
        ("calls to who ordered for much", Number(ledger.Entries(Concierge.Title)), "by a filter on a header"),
        ("orders watched for fraud", Number(ledger.Entries(FraudWatch.Title)), "joined in the middle"),
        ("orders learned from", Number(ledger.Entries(Recommendation.Title)), "left in the middle"),
    ];

    private static void Print(string title, IReadOnlyList<(string What, string Count, string Remark)> rows)
    {
        if (Console.IsOutputRedirected)
        {
            Console.WriteLine(title);
            foreach (var (what, count, remark) in rows)
                Console.WriteLine($"  {what,-48}{count,10}  {remark}");
            return;
        }

        var table = new Table { Title = new TableTitle(title), Border = TableBorder.Rounded, ShowHeaders = false };
        table.AddColumns("what", "how many", "");
        foreach (var (what, count, remark) in rows)
            table.AddRow(Markup.Escape(what), count is "BROKEN" ? "[red]BROKEN[/]" : count, $"[grey]{Markup.Escape(remark)}[/]");
        AnsiConsole.Write(table);
    }

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}

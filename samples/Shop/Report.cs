using System.Globalization;
using Spectre.Console;

namespace OrleansMq.Samples.Shop;

/// <summary>The table at the end of a sale.</summary>
internal static class Report
{
    /// <returns>Whether the ledger balances.</returns>
    public static bool Print(string host, Ledger ledger, TimeSpan took)
    {
        var table = new Table { Title = new TableTitle($"Ledger of the sale on {host}, {took.TotalSeconds.ToString("N1", CultureInfo.InvariantCulture)} s"), Border = TableBorder.Rounded, ShowHeaders = false };
        table.AddColumns("what", "how many", "");
        Row("burst", ledger.Burst, "");
        Row("accepted", ledger.Board.AcceptedCount, "");
        Row("refused at once", ledger.Board.RefusedCount, "");
        Row("stock deducted", ledger.Sum(Inventory.Title, "units"), "down for a while");
        Row("notices to the merchant", ledger.Entries(MerchantNotice.Title), "at the merchant's own pace");
        Row("orders with points", ledger.Entries(MemberPoints.Title), "");
        Row("orders watched for fraud", ledger.Entries(FraudWatch.Title), "joined in the middle");
        Row("orders learned from", ledger.Entries(Recommendation.Title), "left in the middle");
        table.AddEmptyRow();
        foreach (var (promise, off) in ledger.Promises)
            table.AddRow(Markup.Escape(promise), off == 0 ? "[green]kept[/]" : "[red]BROKEN[/]", off == 0 ? "" : $"off by {Number(off)}");
        AnsiConsole.Write(table);
        return ledger.Promises.All(promise => promise.Off == 0);

        void Row(string what, long count, string remark) => table.AddRow(what, Number(count), $"[grey]{remark}[/]");
    }

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}

namespace OrleansMq.Samples.Shop;

/// <summary>The same over HTTP: storefront and desks here, the broker a process of its own, which is killed in the middle of the rush and started again.</summary>
internal static class HttpSale
{
    public static async Task<Ledger> Hold(string folder, ShopOptions options, Action<string> say, CancellationToken cancel)
    {
        await using var process = new BrokerProcess(Path.Combine(folder, "data"));
        await process.Start(cancel);
        await using var broker = HttpBroker.Connect(process.Address);
        var board = new SaleBoard();
        var sale = new Sale(broker, board, options.Stock, options.Burst, say).Hold(cancel);
        await Task.WhenAny(sale, EmbeddedSale.HalfSold(board, options, cancel));
        await process.Kill();
        say($"broker killed with {board.AcceptedCount:N0} orders accepted");
        await process.Start(cancel);
        await sale;
        return await Ledger.Read(broker, board, options.Stock, options.Burst, cancel);
    }
}

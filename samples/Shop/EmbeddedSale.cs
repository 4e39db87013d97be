using System.Reflection;

namespace OrleansMq.Samples.Shop;

/// <summary>Broker, storefront and desks in one process, which is killed with SIGKILL in the middle of the rush and started again.</summary>
internal static class EmbeddedSale
{
    public static async Task<Ledger> Hold(string folder, ShopOptions options, Action<string> say, CancellationToken cancel)
    {
        var data = Path.Combine(folder, "data");
        var board = new SaleBoard();
        await using var process = new ChildProcess(Assembly.GetExecutingAssembly().Location, Path.Combine(folder, "shop.log"), line =>
        {
            if (!board.Hear(line))
                say(line);
        });
        string[] arguments = ["--serve", data, "--stock", $"{options.Stock}", "--burst", $"{options.Burst}"];
        await process.Start(arguments, Open, cancel);
        await HalfSold(board, options, cancel);
        await process.Kill();
        say($"killed with {board.AcceptedCount:N0} orders accepted");
        await process.Start(arguments, Open, cancel);
        if (await process.Exit(cancel) is not 0 and var code)
            throw new SetUpException($"The shop ended with {code}; see {process.LogFile}.");
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = data });
        return await Ledger.Read(broker, board, options.Stock, options.Burst, cancel);
    }

    private const string Open = "open";

    /// <summary>What the process that is killed does.</summary>
    public static async Task Serve(string data, ShopOptions options, CancellationToken cancel)
    {
        var output = Console.Out;
        await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = data, OnReport = Say });
        Say(Open);
        await new Sale(broker, new SaleBoard(Say), options.Stock, options.Burst, Say).Hold(cancel);

        void Say(string line)
        {
            lock (output)
                output.WriteLine(line);
        }
    }

    /// <summary>Waits until half of the stock is sold.</summary>
    public static async Task HalfSold(SaleBoard board, ShopOptions options, CancellationToken cancel)
    {
        while (board.AcceptedCount < options.Stock / 2)
            await Task.Delay(TimeSpan.FromMilliseconds(1), cancel);
    }
}

using System.Diagnostics;
using OrleansMq;
using OrleansMq.Samples;
using OrleansMq.Samples.Shop;

// The flash sale of samples/Shop on three silos. Exit codes: 0 the ledger balances, 1 it does not, 2 wrong usage, 3 the sample could not begin.
using var interrupt = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = !interrupt.IsCancellationRequested;
    interrupt.Cancel();
};
try
{
    switch (args)
    {
        case ["--silo", var data, var siloPort, var gatewayPort]:
            await ShopSilo.Run(data, ShopCluster.Port(siloPort), ShopCluster.Port(gatewayPort), interrupt.Token);
            return 0;
        case ["--worker", var data]:
            await PointsWorker.Run(data, interrupt.Token);
            return 0;
        case []:
            return await HoldSale(stock: 1_000, burst: 10_000);
        default:
            Console.Error.WriteLine("usage: dotnet run --project samples/ShopOnSilos -c Release");
            return 2;
    }
}
catch (SetUpException e)
{
    Console.Error.WriteLine($"shop: {e.Message}");
    return 3;
}
catch (MqException e)
{
    Console.Error.WriteLine($"shop: BROKEN: the broker refused for good, {e.Code}: {e.Message}");
    return 1;
}
catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
{
    return 130;
}

async Task<int> HoldSale(int stock, int burst)
{
    var folder = Directory.CreateTempSubdirectory("shop-").FullName;
    try
    {
        Console.WriteLine($"\nA sale on three silos: {burst:N0} orders for {stock:N0} units");
        var start = Stopwatch.GetTimestamp();
        void Say(string what) => Console.WriteLine($"  {Stopwatch.GetElapsedTime(start).TotalSeconds,5:N1} s  {what}");
        var ledger = await SiloSale.Hold(folder, stock, burst, Say, interrupt.Token);
        return Report.Print("three silos", ledger, Stopwatch.GetElapsedTime(start)) ? 0 : 1;
    }
    finally
    {
        Directory.Delete(folder, recursive: true);
    }
}

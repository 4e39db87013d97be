using System.Diagnostics;
using OrleansMq;
using OrleansMq.Samples;
using OrleansMq.Samples.Shop;

// A flash sale far beyond stock, on each kind of host. Exit codes: 0 every ledger balances, 1 one does not, 2 wrong usage, 3 the sample could not begin.
using var interrupt = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = !interrupt.IsCancellationRequested;
    interrupt.Cancel();
};
try
{
    var options = ShopOptions.Parse(args);
    if (options.Serve is { } data)
    {
        await EmbeddedSale.Serve(data, options, interrupt.Token);
        return 0;
    }

    var balanced = true;
    foreach (var host in options.Hosts)
        balanced &= await HoldSale(host, options, interrupt.Token);
    return balanced ? 0 : 1;
}
catch (FormatException e)
{
    Console.Error.WriteLine($"shop: {e.Message}\n{ShopOptions.Usage}");
    return 2;
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

static async Task<bool> HoldSale(string host, ShopOptions options, CancellationToken cancel)
{
    var folder = Directory.CreateTempSubdirectory("shop-").FullName;
    try
    {
        Console.WriteLine($"\nA sale on {host}: {options.Burst:N0} orders for {options.Stock:N0} units");
        var start = Stopwatch.GetTimestamp();
        void Say(string what) => Console.WriteLine($"  {Stopwatch.GetElapsedTime(start).TotalSeconds,5:N1} s  {what}");
        var ledger = host switch
        {
            "embedded" => await EmbeddedSale.Hold(folder, options, Say, cancel),
            _ => await HttpSale.Hold(folder, options, Say, cancel),
        };
        return Report.Print(host, ledger, Stopwatch.GetElapsedTime(start));
    }
    finally
    {
        Directory.Delete(folder, recursive: true);
    }
}

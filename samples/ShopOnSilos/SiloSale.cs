using System.Diagnostics;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;

namespace OrleansMq.Samples.Shop;

/// <summary>The sale on three silos, one of which is killed with SIGKILL in the middle of the rush and started again.</summary>
internal static class SiloSale
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90); // with nothing moving

    public static async Task<Ledger> Hold(string folder, int stock, int burst, Action<string> say, CancellationToken cancel)
    {
        var data = Path.Combine(folder, "data");
        await using var one = new SiloProcess(1, folder, data);
        await using var two = new SiloProcess(2, folder, data);
        await using var three = new SiloProcess(3, folder, data);
        foreach (var silo in (SiloProcess[])[one, two, three])
            await silo.Start(cancel);
        await using var storage = ShopCluster.Storage(data);
        using var host = await ShopCluster.StartClient(storage, cancel);
        var broker = host.Services.GetRequiredService<IBroker>();
        var inventory = host.Services.GetRequiredService<IGrainFactory>().GetGrain<IOutageGrain>(Inventory.Title);
        await using var worker = Program("worker", folder);
        await using var recommendation = new Recommendation(broker);
        await using var fraud = new FraudWatch(broker);
        await Prepare(broker, recommendation, stock, cancel);
        await worker.Start(["--worker", data], PointsWorker.Ready, cancel);
        say("three silos and the worker are ready");
        recommendation.Open();

        var board = new SaleBoard();
        using var closing = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var selling = new Storefront(broker, board).Sell(burst, closing.Token);
        while (board.AcceptedCount < stock / 2)
            await Task.Delay(Glance / 100, cancel);
        await two.Kill();
        say($"silo 2 killed with {board.AcceptedCount:N0} orders accepted");
        await Set(inventory, down: true, cancel);
        say("inventory is down; its orders come again");
        await two.Start(cancel);
        say("silo 2 is back");
        await recommendation.Unsubscribe(cancel);
        say("recommendation left");
        await fraud.Subscribe(cancel);
        fraud.Open();
        say("fraud joined, and reads from the first order on");
        await Set(inventory, down: false, cancel);
        say("inventory is back");
        await Done(broker, board, selling, stock, say, cancel);
        await closing.CancelAsync();
        return await Ledger.Read(broker, board, stock, burst, cancel);
    }

    /// <summary>Orleans repeats no call by itself: until the loss of a silo is noticed, calls to its grains fail.</summary>
    private static async Task Set(IOutageGrain inventory, bool down, CancellationToken cancel)
    {
        for (var since = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                await inventory.Set(down);
                return;
            }
            catch (Exception lost) when (lost is OrleansException or TimeoutException && Stopwatch.GetElapsedTime(since) < Patience)
            {
                await Task.Delay(Glance, cancel);
            }
        }
    }

    private static async Task Prepare(IBroker broker, Recommendation recommendation, int stock, CancellationToken cancel)
    {
        await Sale.Prepare(broker, [recommendation], stock, cancel);
        foreach (var desk in (string[])[Inventory.Title, MerchantNotice.Title, MemberPoints.Title])
            await broker.PutTopic(Desk.BookOf(desk), new TopicChange { TokenAge = TimeSpan.FromHours(1) }, cancel);
    }

    /// <summary>Until every desk has worked on every order, or nothing moves any more.</summary>
    private static async Task Done(IBroker broker, SaleBoard board, Task selling, int stock, Action<string> say, CancellationToken cancel)
    {
        var (seen, since) = (-1L, Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(since) < Patience)
        {
            if (selling.IsFaulted)
                await selling;
            var worked = new List<long>();
            foreach (var desk in Sale.Lasting)
                worked.Add((await broker.DescribeTopic(Desk.BookOf(desk), cancel)).Partitions.Sum(partition => partition.End));
            if (selling.IsCompleted && worked.TrueForAll(count => count >= stock))
                return;
            if (worked.Sum() + board.AcceptedCount + board.RefusedCount is var now && now != seen)
                (seen, since) = (now, Stopwatch.GetTimestamp());
            await Task.Delay(Glance, cancel);
        }

        say($"nothing moved for {Patience.TotalSeconds:N0} s; going on to the ledger");
    }

    private static ChildProcess Program(string name, string folder) => new(Assembly.GetExecutingAssembly().Location, Path.Combine(folder, $"{name}.log"));

    /// <summary>A silo on ports that outlive it.</summary>
    private sealed class SiloProcess(int number, string folder, string data) : IAsyncDisposable
    {
        private readonly ChildProcess _process = Program($"silo{number}", folder);
        private readonly string[] _arguments = ["--silo", data, ShopCluster.FreePort(), ShopCluster.FreePort()];

        public Task<string> Start(CancellationToken cancel) => _process.Start(_arguments, ShopSilo.Ready, cancel);

        public Task Kill() => _process.Kill();

        public ValueTask DisposeAsync() => _process.DisposeAsync();
    }
}

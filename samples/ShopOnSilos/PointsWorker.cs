using Microsoft.Extensions.DependencyInjection;
using Orleans.Streams;

namespace OrleansMq.Samples.Shop;

/// <summary>The members' points as a worker service: a process of its own that reads every member's stream through an Orleans client.</summary>
internal static class PointsWorker
{
    public const string Ready = "worker ready";
    private const int AtOnce = 32;

    public static async Task Run(string data, CancellationToken cancel)
    {
        await using var storage = ShopCluster.Storage(data);
        using var host = await ShopCluster.StartClient(storage, cancel);
        await using var points = new MemberPoints(host.Services.GetRequiredService<IBroker>());
        var streams = host.Services.GetRequiredService<IClusterClient>().GetStreamProvider(ShopCluster.Streams);
        await Parallel.ForEachAsync(Order.Members, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (member, stop) =>
            await streams.GetStream<Order>(StreamId.Create(Order.Topic.Text, member)).SubscribeAsync((order, _) => points.Book(order, stop)));
        Console.WriteLine(Ready);
        await Task.Delay(Timeout.InfiniteTimeSpan, cancel);
    }
}

using System.Diagnostics;

namespace OrleansMq.Samples.Shop;

/// <summary>
/// A flash sale on any broker. Who is at work when is a function of how far the merchant's notices are, read from the books: a sale that was cut off goes on where it was.
/// </summary>
internal sealed class Sale(IBroker broker, SaleBoard board, int stock, int burst, Action<string> say)
{
    private const int SecondsOfWork = 6; // the merchant's line is made so slow that there is time to see something
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60); // with nothing moving

    /// <summary>The desks that must work on every accepted order.</summary>
    public static readonly IReadOnlyList<string> Lasting = [Inventory.Title, MerchantNotice.Title, MemberPoints.Title, FraudWatch.Title];

    /// <summary>The topic and everybody who is there from the start; nothing happens when it is all there.</summary>
    public static async Task Prepare(IBroker broker, IEnumerable<Desk> fromTheStart, int stock, CancellationToken cancel)
    {
        await broker.PutTopic(Order.Topic, new TopicChange { Partitions = 4, Admit = stock, TokenAge = TimeSpan.FromHours(1) }, cancel);
        foreach (var desk in fromTheStart)
            await desk.Subscribe(cancel);
    }

    public async Task Hold(CancellationToken cancel)
    {
        await using var inventory = new Inventory(broker);
        await using var notice = new MerchantNotice(broker, Math.Max(1, stock / SecondsOfWork));
        await using var points = new MemberPoints(broker);
        await using var concierge = new Concierge(broker);
        await using var recommendation = new Recommendation(broker);
        await using var fraud = new FraudWatch(broker);
        await Prepare(broker, [inventory, notice, points, concierge, recommendation], stock, cancel);

        points.Open();
        concierge.Open();
        notice.Open();
        if (await Worked(MerchantNotice.Title, cancel) == 0)
            inventory.Open();
        using var closing = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var selling = new Storefront(broker, board).Sell(burst, closing.Token);
        var watch = new Stalled(Patience);
        var left = false;
        while (true)
        {
            var noticed = await Worked(MerchantNotice.Title, cancel);
            await Attend(inventory, noticed < stock * 2 / 10 || noticed >= stock * 5 / 10, "is down; its orders wait in the queue", "is back", cancel);
            await Attend(fraud, noticed >= stock * 4 / 10, "", "joined, and reads from the first order on", cancel);
            if (noticed < stock * 3 / 10)
            {
                recommendation.Open();
            }
            else if (!left)
            {
                left = true;
                await recommendation.Unsubscribe(cancel);
                say("recommendation left");
            }

            if (selling.IsFaulted)
                await selling;
            var done = noticed;
            foreach (var desk in Lasting)
                done = Math.Min(done, desk == FraudWatch.Title && !fraud.IsOpen ? 0 : await Worked(desk, cancel));
            if (selling.IsCompleted && done >= stock && await Worked(Concierge.Title, cancel) >= board.AcceptedOrders.Count(number => Concierge.Wants(Order.Of(number))))
                return;
            if (watch.Is(noticed, done, board.AcceptedCount + board.RefusedCount))
            {
                say($"nothing moved for {Patience.TotalSeconds:N0} s; going on to the ledger");
                await closing.CancelAsync();
                return;
            }

            await Task.Delay(Glance, cancel);
        }
    }

    private async Task Attend(Desk desk, bool present, string goes, string comes, CancellationToken cancel)
    {
        if (present == desk.IsOpen)
            return;
        if (present)
        {
            await desk.Subscribe(cancel);
            desk.Open();
            say($"{desk.Name} {comes}");
        }
        else
        {
            await desk.Close();
            if (goes.Length > 0)
                say($"{desk.Name} {goes}");
        }
    }

    /// <summary>Orders in a desk's book; as many as were seen last, while the broker does not answer.</summary>
    private async ValueTask<long> Worked(string desk, CancellationToken cancel)
    {
        try
        {
            return _worked[desk] = (await broker.DescribeTopic(Desk.BookOf(desk), cancel)).Partitions.Sum(partition => partition.End);
        }
        catch (MqException refusal) when (refusal.IsRetriable || refusal.Code == ErrorCodes.TopicUnknown)
        {
            return _worked.GetValueOrDefault(desk);
        }
    }

    private readonly Dictionary<string, long> _worked = [];

    private sealed class Stalled(TimeSpan patience)
    {
        private (long, long, long) _seen;
        private long _since = Stopwatch.GetTimestamp();

        public bool Is(long a, long b, long c)
        {
            if (_seen != (a, b, c))
                (_seen, _since) = ((a, b, c), Stopwatch.GetTimestamp());
            return Stopwatch.GetElapsedTime(_since) > patience;
        }
    }
}

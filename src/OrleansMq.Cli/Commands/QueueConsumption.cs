namespace OrleansMq.Cli.Commands;

/// <summary>Consuming in queue style: receive, print, acknowledge.</summary>
internal static class QueueConsumption
{
    private const int MostAtOnce = 100;
    private static readonly TimeSpan FollowWait = TimeSpan.FromSeconds(20);

    public static async Task Run(Invocation run, ConsumeOptions options)
    {
        if (options.Deferred.Count > 0)
        {
            var fetched = await Receive(run, options, MostAtOnce);
            await Print(run, options, fetched);
            foreach (var missing in options.Deferred.Except(fetched.Select(m => m.Position)))
                run.Say($"mq: {missing} was not given: it is not set aside, or the group is paused or at its limits.");
            return;
        }

        for (var left = options.Max ?? long.MaxValue; left > 0;)
        {
            var leased = await Receive(run, options, (int)Math.Min(left, MostAtOnce));
            if (leased.Count == 0 && !options.Follow)
                return;
            await Print(run, options, leased);
            left -= leased.Count;
        }
    }

    private static ValueTask<IReadOnlyList<Delivery>> Receive(Invocation run, ConsumeOptions options, int max)
    {
        // One id for all attempts: where only the answer was lost, the same messages come again instead of waiting for their lease to end.
        var request = new ReceiveRequest
        {
            Max = max,
            Wait = options.Follow ? FollowWait : options.Wait,
            Consumer = options.Consumer,
            RequestId = Guid.NewGuid().ToString("n"),
            Deferred = options.Deferred,
        };
        return Patience.Try(run, options.Follow, () => run.Broker.Receive(options.Topic, options.Group, request, run.Cancel));
    }

    private static async Task Print(Invocation run, ConsumeOptions options, IReadOnlyList<Delivery> leased)
    {
        if (options.Ack == AckMode.BeforePrint)
            await Acknowledge(run, options, leased);
        var printed = 0;
        try
        {
            foreach (var message in leased)
            {
                run.Cancel.ThrowIfCancellationRequested();
                options.Print(message);
                // A line at a time while a reader may go: what is acknowledged has left this process.
                run.Out.Flush();
                printed++;
            }
        }
        finally
        {
            if (options.Ack == AckMode.AfterPrint)
                await Acknowledge(run, options, [.. leased.Take(printed)]);
            if (options.Ack == AckMode.Defer)
                await Settle(run, options, Settlement.Defer([.. leased.Take(printed).Select(m => m.Lease)]), "set aside");
            if (options.Ack != AckMode.BeforePrint)
                await GiveBack(run, options, [.. leased.Skip(printed).Select(m => m.Lease)]);
        }
    }

    // Without the token of Ctrl-C: what was printed is acknowledged, or it would be printed again by the next.
    private static async Task Settle(Invocation run, ConsumeOptions options, Settlement settlement, string done)
    {
        if (settlement.Leases.Count == 0)
            return;
        var results = await Patience.Try(run, options.Follow, () => run.Broker.Settle(options.Topic, options.Group, settlement));
        foreach (var result in results)
            if (!result.Ok)
                run.Say($"mq: {result.Code}: lease {result.Lease} ended before its message was {done}; the message may come again.");
    }

    private static Task Acknowledge(Invocation run, ConsumeOptions options, IReadOnlyList<Delivery> messages) =>
        Settle(run, options, Settlement.Acknowledge([.. messages.Select(m => m.Lease)]), "acknowledged");

    private static async Task GiveBack(Invocation run, ConsumeOptions options, IReadOnlyList<LeaseId> leases)
    {
        if (leases.Count > 0)
            await run.Broker.Settle(options.Topic, options.Group, options.Deferred.Count > 0 ? Settlement.Defer(leases) : Settlement.Refuse(leases, TimeSpan.Zero));
    }
}

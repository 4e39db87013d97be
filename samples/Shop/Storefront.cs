namespace OrleansMq.Samples.Shop;

/// <summary>Takes the burst: every buyer is told at once whether he has it. Knows nobody who will work on the orders.</summary>
internal sealed class Storefront(IBroker broker, SaleBoard board)
{
    private const int BuyersAtOnce = 64;

    /// <summary>Sends every order until it has an answer.</summary>
    public Task Sell(int burst, CancellationToken cancel) =>
        Parallel.ForEachAsync(Enumerable.Range(0, burst), new ParallelOptions { MaxDegreeOfParallelism = BuyersAtOnce, CancellationToken = cancel }, async (number, stop) =>
        {
            while (await Offer(Order.Of(number), stop) is { } later)
                await Task.Delay(later, stop);
        });

    /// <summary>Null when it was accepted or refused; else when to try again, with the same token.</summary>
    private async ValueTask<TimeSpan?> Offer(Order order, CancellationToken cancel)
    {
        var error = await Publish(order, cancel);
        if (error is null)
            board.Accepted(order.Number);
        else if (error.Code == ErrorCodes.AdmissionClosed)
            board.Refused(order.Number);
        else
            return ErrorCodes.IsRetriable(error.Code) ? error.RetryAfter ?? TimeSpan.FromMilliseconds(100) : throw new MqException(error);
        return null;
    }

    private async ValueTask<MqError?> Publish(Order order, CancellationToken cancel)
    {
        try
        {
            return (await broker.Publish(Order.Topic, [order.ToMessage()], cancel: cancel))[0].Error;
        }
        catch (MqException refusal)
        {
            return refusal.Error;
        }
    }
}

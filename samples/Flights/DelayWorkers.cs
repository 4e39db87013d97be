namespace OrleansMq.Samples.Flights;

/// <summary>
/// A queue-style group of competing workers that deals with delayed flights. Some fail on purpose: one in eleven the first time only, one in 97 always,
/// until somebody repairs what is wrong with it; those end in dead letters.
/// </summary>
internal sealed class DelayWorkers : IAsyncDisposable
{
    public const int MaxDeliveries = 3;
    public static readonly GroupName Group = "delays";

    private readonly Ledger _ledger;
    private readonly QueueConsumer[] _consumers;
    private volatile bool _repaired;

    public DelayWorkers(IBroker broker, TopicName topic, Ledger ledger)
    {
        _ledger = ledger;
        _consumers = [Consumer("worker-a"), Consumer("worker-b")];

        QueueConsumer Consumer(string name) => broker.Consume(topic, Group, Handle, new QueueConsumerOptions { Consumer = name, Workers = 4 });
    }

    public static bool AlwaysFails(Flight flight) => flight.IsDelayed && flight.Number % 97 == 0;

    public static bool FailsOnce(Flight flight) => flight.IsDelayed && flight.Number % 11 == 5;

    public static ValueTask<GroupDescription> Declare(IBroker broker, TopicName topic, CancellationToken cancel) =>
        broker.PutGroup(topic, Group, new GroupChange
        {
            MaxDeliveries = MaxDeliveries,
            Backoff = (TimeSpan[])[TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(200)],
            Lease = TimeSpan.FromSeconds(10),
        }, cancel);

    /// <summary>From now on nothing fails: the dead letters may be redriven.</summary>
    public void Repair() => _repaired = true;

    public async ValueTask DisposeAsync()
    {
        foreach (var consumer in _consumers)
            await consumer.DisposeAsync();
    }

    private Task Handle(Delivery delivery, CancellationToken cancel)
    {
        var flight = Flight.Of(delivery);
        _ledger.Delivered(delivery);
        if (!_repaired && (AlwaysFails(flight) || FailsOnce(flight) && delivery.DeliveryCount == 1))
        {
            _ledger.FailedAsPlanned();
            throw new InvalidOperationException($"{flight.Origin} can't deal with {delivery.Token} (on purpose).");
        }
        _ledger.HandleOnce(flight);
        return Task.CompletedTask;
    }
}

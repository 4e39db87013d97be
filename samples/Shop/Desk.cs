namespace OrleansMq.Samples.Shop;

/// <summary>
/// A department that works on every accepted order, or on those that its filter lets through: a queue-style group of its own on the orders. What it does for an order is written to its book, a topic, under the
/// order's token: however often an order is delivered, it stands in the book once.
/// </summary>
internal abstract class Desk(IBroker broker, string name) : IAsyncDisposable
{
    private readonly Producer _book = broker.Produce(BookOf(name));
    private QueueConsumer? _consumer;

    public string Name => name;

    /// <summary>Where a desk's work stands.</summary>
    public static TopicName BookOf(string name) => $"book.{name}";

    /// <summary>How many orders it works on at the most in a second: a burst waits in the queue, not at the desk.</summary>
    protected virtual double? PerSecond => null;

    /// <summary>Which orders are its own; null: all.</summary>
    protected virtual string? Filter => null;

    /// <summary>What it does for an order, as JSON for the book.</summary>
    protected abstract string WorkOn(Order order);

    /// <summary>From now on every order is kept for it, whether it is at work or not.</summary>
    public async Task Subscribe(CancellationToken cancel)
    {
        await broker.PutTopic(BookOf(name), new TopicChange { TokenAge = TimeSpan.FromHours(1) }, cancel);
        await broker.PutGroup(Order.Topic, name, new GroupChange { RatePerSecond = PerSecond, Lease = TimeSpan.FromSeconds(5), Filter = Filter }, cancel);
    }

    /// <summary>Nothing is kept for it any more.</summary>
    public async Task Unsubscribe(CancellationToken cancel)
    {
        await Close();
        try
        {
            await broker.DeleteGroup(Order.Topic, name, cancel);
        }
        catch (MqException gone) when (gone.Code == ErrorCodes.GroupUnknown)
        {
            // It left in an earlier run of this sale.
        }
    }

    public bool IsOpen => _consumer is not null;

    public void Open() => _consumer ??= broker.Consume(Order.Topic, name, Handle, new QueueConsumerOptions { Consumer = name, Workers = 32 });

    public async Task Close()
    {
        if (_consumer is { } consumer)
            await consumer.DisposeAsync();
        _consumer = null;
    }

    private Task Handle(Delivery delivery, CancellationToken cancel) => Book(Order.From(delivery.Body), cancel);

    /// <summary>Does its work for an order; however often, it is done once.</summary>
    public async Task Book(Order order, CancellationToken cancel) =>
        await _book.Send(Message.OfJson(WorkOn(order), key: order.Token) with { Token = order.Token }, cancel);

    public async ValueTask DisposeAsync()
    {
        await Close();
        await _book.DisposeAsync();
    }
}

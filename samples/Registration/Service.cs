namespace OrleansMq.Samples.Registration;

/// <summary>
/// Mail or SMS: a simulated service with a latency that is known. Its guard lets each token into its book once. Both are in memory here; in an application the guard is an inbox
/// in its database, and the provider gets the token as its idempotency key.
/// </summary>
internal sealed class Service
{
    private readonly TimeSpan _latency;
    private readonly List<string> _book = [];
    private readonly MemoryInbox<List<string>> _guard;

    public Service(TimeSpan latency) => (_latency, _guard) = (latency, new(_book));

    /// <summary>Deliveries that the guard knew already.</summary>
    public int Known { get; private set; }

    /// <summary>Handlers that crashed before the message was sent, or behind it.</summary>
    public int Crashes { get; private set; }

    /// <summary>What it sent, in order: a token that stands there twice was sent twice.</summary>
    public IReadOnlyList<string> Book => _book;

    public async Task Send(string token, CancellationToken cancel)
    {
        if (!await _guard.Once(token, async (book, stop) =>
        {
            await Task.Delay(_latency, stop); // the service at work
            book.Add(token);
        }, cancel))
            Known++;
    }

    /// <summary>The same as the handler of a queue. Of the first deliveries every third crashes before it sends, and every third behind: sent, but not acknowledged.</summary>
    public async Task Handle(Delivery delivery, CancellationToken cancel)
    {
        var turn = delivery.DeliveryCount == 1 ? delivery.Position.Offset % 3 : 0;
        if (turn == 1)
            Crash();
        await Send(delivery.Token!, cancel);
        if (turn == 2)
            Crash();
    }

    private void Crash()
    {
        Crashes++;
        throw new IOException("The handler crashed (on purpose).");
    }
}

namespace OrleansMq.Samples.Flights;

/// <summary>A group that comes when all is over, and reads everything from the start. It is also our audit: what it does not see is lost.</summary>
internal sealed class LateReplay : IAsyncDisposable
{
    private readonly Ledger _ledger;
    private readonly LogConsumer _reader;

    public LateReplay(IBroker broker, TopicName topic, Ledger ledger)
    {
        _ledger = ledger;
        _reader = broker.FollowBatches(topic, "late", Read, new LogConsumerOptions { Parallel = true });
    }

    public ValueTask DisposeAsync() => _reader.DisposeAsync();

    private Task Read(IReadOnlyList<StoredMessage> messages, CancellationToken cancel)
    {
        foreach (var message in messages)
            _ledger.ReadLate(message, Flight.Of(message));
        return Task.CompletedTask;
    }
}

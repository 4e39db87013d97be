namespace OrleansMq.Conformance.Broker;

/// <summary>A broker that a host has started for one story, and what can be done to it.</summary>
/// <param name="broker">As started, without topics.</param>
/// <param name="restart">Ends the broker in good order and starts it again on the same data; null where the host can't.</param>
/// <param name="crash">The same, but with no order at all: what was not durable may be gone.</param>
/// <param name="end">What else is to be ended with the story.</param>
public sealed class BrokerUnderTest(
    IBroker broker, Func<IBroker, Task<IBroker>>? restart = null, Func<IBroker, Task<IBroker>>? crash = null, Func<ValueTask>? end = null) : IAsyncDisposable
{
    /// <summary>The broker; another object after <see cref="Restart"/> and <see cref="Crash"/>.</summary>
    public IBroker Broker { get; private set; } = broker;

    public async Task Restart() =>
        Broker = await (restart ?? throw new NotSupportedException("This host can't restart its broker; leave RestartContract out."))(Broker);

    public async Task Crash() =>
        Broker = await (crash ?? throw new NotSupportedException("This host can't crash its broker; leave CrashContract out."))(Broker);

    public async ValueTask DisposeAsync()
    {
        await Broker.DisposeAsync();
        if (end is not null)
            await end();
    }
}

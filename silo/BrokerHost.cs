
namespace OrleansMq.Silo;

/// <summary>A broker that this process hosts.</summary>
/// <param name="Announce">Tells it where a gateway answers (name, address), for whoever asks for the cluster.</param>
internal sealed record BrokerHost(IBroker Broker, Action<string, string> Announce)
{
    /// <exception cref="IOException">The data folder is in use, or can't be read or written.</exception>
    public static ValueTask<BrokerHost> Start(SiloOptions options, ILogger log, CancellationToken cancel)
    {
        // PLUG: EmbeddedBroker, when it is there.
        throw new IOException($"{options.Data}: the embedded broker is not in this build.");
    }
}

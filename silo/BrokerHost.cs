using OrleansMq.Engine.Storage;

namespace OrleansMq.Silo;

/// <summary>A broker that this process hosts.</summary>
/// <param name="Announce">Tells it where a gateway answers (name, address), for whoever asks for the cluster.</param>
internal sealed record BrokerHost(IBroker Broker, Action<string, string> Announce)
{
    /// <exception cref="IOException">The data folder is in use, or can't be read or written.</exception>
    public static async ValueTask<BrokerHost> Start(SiloOptions options, ILogger log, CancellationToken cancel)
    {
        try
        {
            var broker = await EmbeddedBroker.Start(new EmbeddedOptions
            {
                Data = options.Data,
                DefaultAcks = options.Durable ? Acks.Durable : Acks.Accepted,
                Node = Environment.MachineName,
                OnReport = report => log.LogWarning("{Report}", report),
            });
            return new BrokerHost(broker, broker.Announce);
        }
        catch (StorageException error)
        {
            throw new IOException(error.Message, error);
        }
    }
}

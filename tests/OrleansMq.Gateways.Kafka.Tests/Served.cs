using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>A gateway on a free port over a broker in memory.</summary>
internal sealed class Served : IAsyncDisposable
{
    private Served(EmbeddedBroker broker, KafkaGateway gateway) => (Broker, Gateway) = (broker, gateway);

    public EmbeddedBroker Broker { get; }
    public KafkaGateway Gateway { get; }

    /// <param name="options">Of the gateway.</param>
    /// <param name="embedded">Of the broker.</param>
    public static async Task<Served> Start(KafkaGatewayOptions? options = null, EmbeddedOptions? embedded = null)
    {
        var broker = embedded is null ? await EmbeddedBroker.InMemory() : await EmbeddedBroker.Start(embedded);
        return new Served(broker, await KafkaGateway.Start(broker, options ?? new KafkaGatewayOptions()));
    }

    public Task<RawClient> Connect() => RawClient.Connect(Gateway.Address);

    public async ValueTask DisposeAsync()
    {
        await Gateway.DisposeAsync();
        await Broker.DisposeAsync();
    }
}

/// <summary>Frames on a socket, in clear or within TLS.</summary>
internal sealed class RawClient(Socket socket, Stream stream) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Stream _stream = stream;

    /// <param name="tls">Null: in clear.</param>
    public static async Task<RawClient> Connect(string address, SslClientAuthenticationOptions? tls = null)
    {
        var (host, port) = BrokerMap.Split(address);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(host, port);
        var clear = new NetworkStream(socket, ownsSocket: true);
        if (tls is null)
            return new RawClient(socket, clear);
        var secure = new SslStream(clear);
        await secure.AuthenticateAsClientAsync(tls);
        return new RawClient(socket, secure);
    }

    public async Task Send(byte[] frame)
    {
        var head = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(head, frame.Length);
        await SendRaw([.. head, .. frame]);
    }

    public async Task SendRaw(byte[] bytes) => await _stream.WriteAsync(bytes);

    public void Finish() => socket.Shutdown(SocketShutdown.Send);

    /// <returns>Null: the connection is closed.</returns>
    public async Task<byte[]?> Receive()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            var head = new byte[4];
            await _stream.ReadExactlyAsync(head, patience.Token);
            var length = BinaryPrimitives.ReadInt32BigEndian(head);
            // TLS's own complaint, for example.
            if (length is < 0 or > 64 << 20)
                return null;
            var answer = new byte[length];
            await _stream.ReadExactlyAsync(answer, patience.Token);
            return answer;
        }
        catch (IOException)
        {
            return null;
        }
    }

    public async Task<byte[]> Ask(byte[] frame)
    {
        await Send(frame);
        return await Receive() ?? throw new IOException("The connection was closed.");
    }

    public void Dispose() => _stream.Dispose();
}

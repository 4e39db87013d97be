using System.Buffers.Binary;
using System.Net.Sockets;

namespace OrleansMq.Cli.Commands;

/// <summary>What a Kafka listener does to somebody who has no TLS and does not say who it is.</summary>
internal enum KafkaManners
{
    /// <summary>Nobody answers there, from here.</summary>
    Unreachable = 0,

    /// <summary>Nothing is said in clear text.</summary>
    Closed = 1,

    /// <summary>It speaks in clear text, and asks who comes.</summary>
    Asks = 2,

    /// <summary>It speaks in clear text, with everyone.</summary>
    Open = 3,
}

/// <summary>Asks a Kafka listener two questions: which versions it has, which everyone may ask, and where its topics are, which nobody may ask who is not known.</summary>
internal static class KafkaLook
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // length i32 | api key i16 | version i16 | correlation i32 | client id, null | and of Metadata 0 topics, none: all.
    private static readonly byte[] Versions = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    private static readonly byte[] Topics = [0, 0, 0, 14, 0, 3, 0, 0, 0, 0, 0, 2, 0xff, 0xff, 0, 0, 0, 0];

    public static async Task<KafkaManners> At(string address, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        using var client = (await TcpLook.Connect(address, patience.Token, cancel)).Client;
        if (client is null)
            return KafkaManners.Unreachable;
        if (!await IsAnswered(client, Versions, 1, patience.Token, cancel))
            return KafkaManners.Closed;
        return await IsAnswered(client, Topics, 2, patience.Token, cancel) ? KafkaManners.Open : KafkaManners.Asks;
    }

    private static async Task<bool> IsAnswered(TcpClient client, byte[] request, int correlation, CancellationToken patience, CancellationToken cancel)
    {
        try
        {
            await client.GetStream().WriteAsync(request, patience);
            var head = new byte[8];
            await client.GetStream().ReadExactlyAsync(head, patience);
            if (BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(4)) != correlation || BinaryPrimitives.ReadInt32BigEndian(head) is not (>= 4 and <= 64 << 20 and var length))
                return false;
            // To its end: the next answer follows it.
            await client.GetStream().ReadExactlyAsync(new byte[length - 4], patience);
            return true;
        }
        catch (Exception e) when (e is IOException or SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return false;
        }
    }
}

using System.Buffers.Binary;
using System.Net.Sockets;

namespace OrleansMq.Access.Tests;

/// <summary>The first message of a TLS client, with a version that no library here offers any more (RFC 5246, 7.4.1.2).</summary>
internal static class TlsHello
{
    public const ushort Tls10 = 0x0301, Tls11 = 0x0302, Tls12 = 0x0303;

    /// <summary>The kinds of record that a server answers with: it goes on, or it ends.</summary>
    public const byte Alert = 21, Handshake = 22;

    // ECDHE with AES, for both kinds of keys and for both generations of ciphers; curves, and signatures with SHA-256 and PSS.
    private static readonly byte[] Suites = [0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x09, 0xc0, 0x13];
    private static readonly byte[] Extensions =
    [
        0x00, 0x0a, 0x00, 0x06, 0x00, 0x04, 0x00, 0x17, 0x00, 0x1d,
        0x00, 0x0d, 0x00, 0x08, 0x00, 0x06, 0x04, 0x03, 0x08, 0x04, 0x04, 0x01,
    ];

    /// <returns>The kind of the first record of the answer.</returns>
    public static async Task<byte> AnswerTo(Uri server, ushort version)
    {
        using var client = new TcpClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await client.ConnectAsync(server.Host, server.Port, patience.Token);
        await client.GetStream().WriteAsync(Of(version), patience.Token);
        var first = new byte[1];
        await client.GetStream().ReadExactlyAsync(first, patience.Token);
        return first[0];
    }

    private static byte[] Of(ushort version)
    {
        byte[] body =
        [
            .. Number(version), .. new byte[32], 0,
            .. Number(Suites.Length), .. Suites, 1, 0,
            .. Number(Extensions.Length), .. Extensions,
        ];
        byte[] message = [1, 0, .. Number(body.Length), .. body];
        return [Handshake, .. Number(Tls10), .. Number(message.Length), .. message];
    }

    private static byte[] Number(int value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        return bytes;
    }
}

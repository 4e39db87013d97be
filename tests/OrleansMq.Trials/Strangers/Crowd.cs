using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OrleansMq.Trials.Strangers;

/// <summary>Many connections that are nobody yet, held open for a while: silent, in the middle of a request of the most that a stranger may send, or sending a byte now and then.</summary>
internal sealed class Crowd : IDisposable
{
    /// <summary>Of Kafka's protocol before it knows who comes; less its length.</summary>
    private const int StrangersBytes = 64 << 10;

    private readonly List<Socket> _sockets = [];

    public int Count => _sockets.Count;

    /// <summary>Those that the other side has not closed.</summary>
    public int Open => _sockets.Count(socket => !IsOver(socket));

    public async Task Silent(IPEndPoint to, int count)
    {
        for (var i = 0; i < count; i++)
            await Connect(to);
    }

    /// <summary>All but the last byte of the largest request.</summary>
    public async Task Half(IPEndPoint kafka, int count)
    {
        var request = new byte[4 + StrangersBytes - 1];
        BinaryPrimitives.WriteInt32BigEndian(request, StrangersBytes);
        request[5] = 18;
        for (var i = 0; i < count; i++)
            await (await Connect(kafka)).SendAsync(request);
    }

    /// <summary>The head of an HTTP request, a byte each 100 ms, until the time is over or the other side closes.</summary>
    /// <returns>How many bytes went out.</returns>
    public async Task<long> Slowly(IPEndPoint http, int count, TimeSpan time)
    {
        var head = Encoding.ASCII.GetBytes("POST /v1/topics/t/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Padding: " + new string('x', 4_000));
        var (mine, sent) = (new List<Socket>(), 0L);
        for (var i = 0; i < count; i++)
            mine.Add(await Connect(http));
        for (var at = 0; at < time.TotalMilliseconds / 100 && at < head.Length; at++)
        {
            foreach (var socket in mine)
            {
                try
                {
                    sent += await socket.SendAsync(head.AsMemory(at, 1));
                }
                catch (SocketException)
                {
                    // Closed: its time for a head is over.
                }
            }
            await Task.Delay(100);
        }
        return sent;
    }

    public void Dispose()
    {
        foreach (var socket in _sockets)
            socket.Dispose();
        _sockets.Clear();
    }

    private static bool IsOver(Socket socket)
    {
        // A refusal may come before the end.
        var buffer = new byte[4096];
        try
        {
            while (socket.Poll(0, SelectMode.SelectRead))
            {
                if (socket.Receive(buffer) == 0)
                    return true;
            }
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private async Task<Socket> Connect(IPEndPoint to)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _sockets.Add(socket);
        await socket.ConnectAsync(to);
        return socket;
    }
}

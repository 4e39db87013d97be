using System.Net;
using System.Net.Sockets;

namespace OrleansMq.Silo;

/// <summary>A port that can't be had is said by the switch that names it; whoever listens says neither, or shows a stack.</summary>
internal static class Ports
{
    /// <exception cref="IOException">The port can't be had.</exception>
    public static async ValueTask<T> Listening<T>(string name, IPAddress address, int port, ValueTask<T> start)
    {
        try
        {
            return await start;
        }
        catch (Exception e) when (e.GetBaseException() is SocketException refused)
        {
            throw Refused(name, address, port, refused);
        }
    }

    /// <summary>Before Orleans is started, which writes four stacks.</summary>
    /// <exception cref="IOException">The port can't be had.</exception>
    public static void Try(string name, IPAddress address, int port)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen();
        }
        catch (SocketException refused)
        {
            throw Refused(name, address, port, refused);
        }
    }

    private static IOException Refused(string name, IPAddress address, int port, SocketException why) =>
        new($"--{name} {port}: nothing can listen at {new IPEndPoint(address, port)}: {why.Message}.", why);
}

using System.Net;
using System.Net.Sockets;

namespace OrleansMq.Servers;

/// <summary>A port for a server that can't be told to take any.</summary>
internal static class FreePort
{
    /// <summary>Free just now; somebody else may take it meanwhile.</summary>
    public static int Take()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

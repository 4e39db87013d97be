using System.Globalization;
using System.Net.Sockets;

namespace OrleansMq.Cli.Commands;

/// <summary>A connection to a port that a node says it has.</summary>
internal static class TcpLook
{
    /// <param name="patience">Ends the trying.</param>
    /// <param name="cancel">Ends the command.</param>
    /// <returns>No connection if nobody answers there, from here, and why not.</returns>
    public static async Task<(TcpClient? Client, string WhyNot)> Connect(string address, CancellationToken patience, CancellationToken cancel)
    {
        var colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return (null, "that is no address with a port");
        var client = new TcpClient();
        try
        {
            await client.ConnectAsync(address[..colon].Trim('[', ']'), port, patience);
            return (client, "");
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            client.Dispose();
            return (null, e is SocketException ? e.Message : "no answer in time");
        }
    }
}

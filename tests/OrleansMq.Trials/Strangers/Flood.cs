using System.Buffers;
using System.Diagnostics;
using System.Net.Sockets;

namespace OrleansMq.Trials.Strangers;

/// <summary>What became of what was sent.</summary>
/// <param name="Waiting">Joins of groups, which wait for members as long as these may be silent.</param>
internal sealed record FloodResult(int Sent, int Answered, int NotConnected, int Waiting, List<string> Hangs)
{
    public override string ToString() => $"{Sent} sent, {Answered} answered, {Waiting} joins waiting, {Sent - Answered - NotConnected - Waiting - Hangs.Count} closed without an answer, {NotConnected} not connected, {Hangs.Count} without an end";
}

/// <summary>Sends one damaged frame a connection, at a rate; each connection has to come to its end.</summary>
internal static class Flood
{
    private const int Senders = 32;

    /// <summary>A receive may wait as long as it says, and a mutation may have it say long.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    public static async Task<FloodResult> Run(int count, int rate, int seed, Func<Random, Sent> make)
    {
        var (next, answered, notConnected, waiting, hangs, began) = (-1, 0, 0, 0, new List<string>(), Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(_ => Task.Run(Sender)));
        return new FloodResult(count, answered, notConnected, waiting, hangs);

        async Task Sender()
        {
            for (var n = Interlocked.Increment(ref next); n < count; n = Interlocked.Increment(ref next))
            {
                var early = TimeSpan.FromSeconds((double)n / rate) - Stopwatch.GetElapsedTime(began);
                if (early > TimeSpan.FromMilliseconds(1))
                    await Task.Delay(early);
                var sent = make(new Random(HashCode.Combine(seed, n)));
                try
                {
                    if (await Send(sent))
                        Interlocked.Increment(ref answered);
                }
                catch (OperationCanceledException) when (sent.MayWait)
                {
                    Interlocked.Increment(ref waiting);
                }
                catch (OperationCanceledException)
                {
                    lock (hangs)
                        hangs.Add($"frame {n} of seed {seed} had no end within {Patience.TotalSeconds} s: {Convert.ToHexString(sent.Frame)}");
                }
                catch (SocketException)
                {
                    Interlocked.Increment(ref notConnected);
                }
            }
        }
    }

    /// <returns>Whether the frame was answered by anything before the connection ended.</returns>
    private static async Task<bool> Send(Sent sent)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(sent.To, patience.Token);
        var buffer = ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            foreach (var prelude in sent.Preludes)
            {
                await socket.SendAsync(prelude, patience.Token);
                if (await socket.ReceiveAsync(buffer, patience.Token) == 0)
                    return false;
            }
            // Our side stays open: a gateway drops the work of a client that is gone. What it does not answer it has to close.
            await socket.SendAsync(sent.Frame, patience.Token);
            await socket.SendAsync(sent.Last, patience.Token);
            return await socket.ReceiveAsync(buffer, patience.Token) > 0;
        }
        catch (SocketException e) when (socket.Connected || e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted)
        {
            // Closed while we wrote: that is an end too.
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;

namespace OrleansMq.Trials.Strangers;

/// <summary>What became of what was asked to be sent.</summary>
/// <param name="Sent">Frames that went out whole, or as far as the other side let them: each that was asked for, but for those of which another figure tells.</param>
/// <param name="NotLetIn">What was said before the frame, unharmed, was not answered as it should be, and so the frame not sent.</param>
/// <param name="Waiting">Joins of groups, which wait for members as long as these may be silent.</param>
internal sealed record FloodResult(int Asked, int Sent, int Answered, int NotConnected, int NotLetIn, int Waiting, List<string> Hangs)
{
    /// <summary>Of so many some are answered, whatever the seed: of Kafka's, before it is known who comes, about one in a hundred.</summary>
    private const int Enough = 1_000;

    public int Closed => Sent - Answered - Waiting - Hangs.Count;

    /// <summary>What says that less was tried than was asked for, or that it did not end.</summary>
    public IEnumerable<string> Violations()
    {
        foreach (var hang in Hangs)
            yield return hang;
        if (NotConnected > 0)
            yield return $"{NotConnected} could not connect";
        if (NotLetIn > 0)
            yield return $"{NotLetIn} were not let in by what they said before";
        if (Sent != Asked)
            yield return $"{Sent} of {Asked} frames were sent";
        // Were all connections closed at once, nothing would have been read.
        if (Answered == 0 && Asked >= Enough)
            yield return "not one was answered";
    }

    public override string ToString() => $"{Sent} sent, {Answered} answered, {Waiting} joins waiting, {Closed} closed without an answer, {NotConnected} not connected, {NotLetIn} not let in, {Hangs.Count} without an end";
}

/// <summary>Sends one damaged frame a connection, at a rate; each connection has to come to its end.</summary>
internal static class Flood
{
    private const int Senders = 32;

    /// <summary>A receive may wait as long as it says, and a mutation may have it say long.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    public static async Task<FloodResult> Run(int count, int rate, int seed, Func<Random, Sent> make)
    {
        var (next, sentOut, answered, notConnected, notLetIn, waiting, hangs, began) = (-1, 0, 0, 0, 0, 0, new List<string>(), Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(_ => Task.Run(Sender)));
        return new FloodResult(count, sentOut, answered, notConnected, notLetIn, waiting, hangs);

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
                    if (await Send(sent, () => Interlocked.Increment(ref sentOut)))
                        Interlocked.Increment(ref answered);
                }
                catch (NotLetInException)
                {
                    Interlocked.Increment(ref notLetIn);
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

    /// <param name="going">Called when everything before the frame has been answered.</param>
    /// <returns>Whether the frame was answered by anything before the connection ended.</returns>
    private static async Task<bool> Send(Sent sent, Action going)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(sent.To, patience.Token);
        foreach (var prelude in sent.Preludes)
            await Say(socket, prelude, patience.Token);
        going();
        var buffer = ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            // Our side stays open: a gateway drops the work of a client that is gone. What it does not answer it has to close.
            await socket.SendAsync(sent.Frame, patience.Token);
            await socket.SendAsync(sent.Last, patience.Token);
            return await socket.ReceiveAsync(buffer, patience.Token) > 0;
        }
        catch (SocketException)
        {
            // Closed while we wrote: that is an end too.
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>A request of Kafka's that is sound, and its answer: length i32 | correlation i32 | error i16 | …</summary>
    /// <exception cref="NotLetInException">There is none, or it says an error.</exception>
    private static async Task Say(Socket socket, byte[] request, CancellationToken patience)
    {
        try
        {
            await using var stream = new NetworkStream(socket);
            await stream.WriteAsync(request, patience);
            var length = new byte[4];
            await stream.ReadExactlyAsync(length, patience);
            var answer = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
            await stream.ReadExactlyAsync(answer, patience);
            if (BinaryPrimitives.ReadInt16BigEndian(answer.AsSpan(4)) != 0)
                throw new NotLetInException();
        }
        catch (IOException)
        {
            throw new NotLetInException();
        }
    }

    private sealed class NotLetInException : Exception;
}

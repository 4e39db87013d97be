using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using OrleansMq.Gateways.Kafka.Calls;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka;

/// <summary>A request that can't be read: its connection is closed and nothing else touched.</summary>
internal sealed class MalformedRequestException(string why) : Exception(why);

/// <summary>One client's connection: a loop that receives and begins, and a loop that sends in the order received.</summary>
/// <remarks>
/// Produce and Fetch are begun as they come, so that appends of one connection share a flush and a fetch that waits holds up only what must be answered
/// behind it. Everything else waits until all before it is done, and holds up what comes after, as in Kafka.
/// </remarks>
internal sealed class KafkaConnection
{
    private const int SendAtOnce = 64 << 10;

    private readonly ConnectionContext _transport;
    private readonly KafkaDesk _desk;
    private readonly KafkaLogin _login;
    private readonly KafkaCalls _calls;
    private readonly Channel<Begun> _begun;
    private readonly long _sinceMs = Environment.TickCount64;

    // Set when a whole request came, and while nothing can be sent; looked at once a second.
    private long _lastMs = Environment.TickCount64;
    private bool _shookHands;
    private volatile bool _waits;

    // Ends when the client is gone, when we stop, and when a request was such that the connection must be closed.
    private readonly CancellationTokenSource _reading;

    public KafkaConnection(ConnectionContext transport, KafkaDesk desk)
    {
        (_transport, _desk) = (transport, desk);
        _reading = CancellationTokenSource.CreateLinkedTokenSource(transport.ConnectionClosed, desk.Stopping);
        _login = new KafkaLogin(desk, transport);
        _calls = new KafkaCalls(desk, transport, _login, _reading.Token);
        _begun = Channel.CreateBounded<Begun>(new BoundedChannelOptions(desk.Options.MaxPipelined) { SingleReader = true, SingleWriter = true });
    }

    /// <summary>A request in work, and its frame, which the work borrows.</summary>
    private readonly record struct Begun(Task<KafkaWriter?> Answer, IncomingFrame Frame);

    public async Task Run()
    {
        _transport.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(self => ((KafkaConnection)self).Tick(), this);
        var sending = Send();
        try
        {
            await Receive(_reading.Token);
        }
        catch (OperationCanceledException)
        {
            // Closed by the client, or we stop.
        }
        catch (Exception e) when (IsGone(e))
        {
            // So is this.
        }
        catch (MalformedRequestException e)
        {
            Close(e.Message);
        }
        catch (MqException e)
        {
            Close(e.Message);
        }
        finally
        {
            _begun.Writer.TryComplete();
            await sending;
            await _transport.Transport.Output.CompleteAsync();
            await _transport.Transport.Input.CompleteAsync();
            _reading.Dispose();
        }
    }

    private async Task Receive(CancellationToken cancel)
    {
        var input = _transport.Transport.Input;
        IncomingFrame? frame = null;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(cancel);
                var bytes = read.Buffer;
                while (true)
                {
                    if (frame is null)
                    {
                        var status = FrameLength.TryRead(bytes, _login.TakesMessages ? 0 : RequestHeader.FixedSize, _login.MaxRequestBytes, out var length);
                        if (status == FrameStatus.Malformed)
                            throw new MalformedRequestException($"A request can't have {length} bytes.");
                        if (status == FrameStatus.Incomplete)
                            break;
                        // While it waits for its quota it holds none of the bytes that all share.
                        if (_calls.Behind is var behind && behind > TimeSpan.Zero)
                            await Task.Delay(behind, _desk.Options.Time, cancel);
                        bytes = bytes.Slice(FrameLength.Size);
                        frame = new IncomingFrame(length, _desk.InFlight);
                    }
                    bytes = bytes.Slice(frame.Add(bytes));
                    if (!frame.IsWhole)
                        break;
                    var whole = frame;
                    frame = null;
                    await Begin(whole, cancel);
                }
                input.AdvanceTo(bytes.Start, bytes.End);
                if (read.IsCompleted)
                    return;
            }
        }
        finally
        {
            frame?.Dispose();
        }
    }

    private async ValueTask Begin(IncomingFrame frame, CancellationToken cancel)
    {
        (_lastMs, _shookHands) = (Environment.TickCount64, true);
        Task<KafkaWriter?> answer;
        try
        {
            answer = await _calls.Begin(frame.Memory);
        }
        catch
        {
            frame.Dispose();
            throw;
        }
        var begun = new Begun(answer, frame);
        if (_begun.Writer.TryWrite(begun))
            return;
        try
        {
            await _begun.Writer.WriteAsync(begun, cancel);
        }
        catch
        {
            await Forget(begun);
            throw;
        }
    }

    private async Task Send()
    {
        var output = _transport.Transport.Output;
        var open = true;
        await foreach (var begun in _begun.Reader.ReadAllAsync())
        {
            try
            {
                if (!open)
                    continue;
                open = await Send(begun, output);
            }
            catch (Exception e)
            {
                // Whatever it is: what was begun behind it holds bytes of all connections, and has to give them back.
                open = false;
                if (!IsGone(e))
                    _desk.LogFault(_transport.ConnectionId, "its answer", e);
            }
            finally
            {
                await Forget(begun);
            }
            if (!open)
                await _reading.CancelAsync();
        }
    }

    /// <returns>Whether more is to be sent.</returns>
    private async ValueTask<bool> Send(Begun begun, PipeWriter output)
    {
        try
        {
            // What is ready goes out before we wait for what is not.
            if (!begun.Answer.IsCompleted && !await Flush(output))
                return false;
            var answer = await begun.Answer;
            if (answer is not null && !await Write(output, answer))
                return false;
            var last = answer is { IsLast: true };
            return (!last && _begun.Reader.TryPeek(out _)) || (await Flush(output) && !last);
        }
        catch (MalformedRequestException)
        {
            // What was answered before it is still sent.
            await Flush(output);
            return false;
        }
    }

    private async ValueTask<bool> Write(PipeWriter output, KafkaWriter answer)
    {
        var head = output.GetMemory(4);
        BinaryPrimitives.WriteInt32BigEndian(head.Span, (int)answer.Length);
        output.Advance(4);
        foreach (var piece in answer.Pieces())
        {
            for (var at = 0; at < piece.Length; at += SendAtOnce)
            {
                output.Write(piece.Span.Slice(at, Math.Min(SendAtOnce, piece.Length - at)));
                if (output.UnflushedBytes >= SendAtOnce && !await Flush(output))
                    return false;
            }
        }
        return true;
    }

    private async ValueTask<bool> Flush(PipeWriter output)
    {
        if (output.UnflushedBytes == 0)
            return true;
        _waits = true;
        var flushed = await output.FlushAsync();
        _lastMs = Environment.TickCount64;
        _waits = false;
        return flushed is { IsCompleted: false, IsCanceled: false };
    }

    private static bool IsGone(Exception e) => e is IOException or ConnectionAbortedException or ConnectionResetException;

    /// <summary>Lets go of the answer and of the frame, which the work borrows and for which it is finished, also where nobody reads it.</summary>
    private static async Task Forget(Begun begun)
    {
        try
        {
            using var answer = await begun.Answer;
        }
        catch (Exception)
        {
            // There is nobody to tell.
        }
        finally
        {
            begun.Frame.Dispose();
        }
    }

    private void Tick()
    {
        var idle = TimeSpan.FromMilliseconds(Environment.TickCount64 - _lastMs);
        if (!_shookHands && idle > _desk.Options.HeaderTimeout)
            Abort($"No request within {_desk.Options.HeaderTimeout.TotalSeconds:0} s.");
        else if (!_login.CameIn && Environment.TickCount64 - _sinceMs > _desk.Options.HeaderTimeout.TotalMilliseconds)
            Abort($"It has not said who it is within {_desk.Options.HeaderTimeout.TotalSeconds:0} s.");
        else if (idle > _desk.Options.IdleTimeout && (_waits || (_calls.InWork == 0 && _calls.Behind == TimeSpan.Zero)))
            Abort(_waits ? "It does not read what it asked for." : "It was idle.");
    }

    private void Abort(string why)
    {
        Close(why);
        _transport.Abort(new ConnectionAbortedException(why));
    }

    private void Close(string why) => _desk.LogClosed(_transport.ConnectionId, _transport.RemoteEndPoint?.ToString(), why);
}

using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Connections;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>
/// Gives the refusals of the web server itself their problem document. Kestrel answers a request line, a header or a length that is none before it asks anybody, with a
/// status and nothing else, and closes the connection; this stands between it and the socket.
/// </summary>
/// <remarks>
/// Invariant: what is written while a call is being answered goes through untouched. Anything else that is written is one refusal, the last thing of its
/// connection.
/// </remarks>
internal sealed class ServerRefusals(PipeWriter socket) : PipeWriter
{
    private readonly ArrayBufferWriter<byte> _refusal = new(256);

    // The server works on one request of a connection at a time.
    private volatile bool _answering;

    public static ConnectionDelegate Before(ConnectionDelegate next) => connection =>
    {
        var refusals = new ServerRefusals(connection.Transport.Output);
        connection.Transport = new Duplex(connection.Transport.Input, refusals);
        connection.Features.Set(refusals);
        return next(connection);
    };

    /// <summary>From here on it is a call's answer that is written.</summary>
    public void AnswerBegins()
    {
        Pass();
        _answering = true;
    }

    public void AnswerEnds() => _answering = false;

    public override bool CanGetUnflushedBytes => socket.CanGetUnflushedBytes;

    public override long UnflushedBytes => socket.UnflushedBytes + _refusal.WrittenCount;

    public override Memory<byte> GetMemory(int sizeHint = 0) => _answering ? socket.GetMemory(sizeHint) : _refusal.GetMemory(sizeHint);

    public override Span<byte> GetSpan(int sizeHint = 0) => _answering ? socket.GetSpan(sizeHint) : _refusal.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        if (_answering)
            socket.Advance(bytes);
        else
            _refusal.Advance(bytes);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Pass();
        return socket.FlushAsync(cancellationToken);
    }

    public override void CancelPendingFlush() => socket.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        Pass();
        socket.Complete(exception);
    }

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        Pass();
        return socket.CompleteAsync(exception);
    }

    private void Pass()
    {
        if (_refusal.WrittenCount == 0)
            return;
        if (!TryStatusOf(_refusal.WrittenSpan, out var status) || !TryDocument(status))
            socket.Write(_refusal.WrittenSpan);
        _refusal.Clear();
    }

    /// <summary>Of a head without a body: <c>HTTP/1.1 431 …</c>, headers, an empty line.</summary>
    private static bool TryStatusOf(ReadOnlySpan<byte> head, out int status)
    {
        status = 0;
        return head.StartsWith("HTTP/1.1 "u8) && head.EndsWith("\r\n\r\n"u8) && head.IndexOf("Content-Length: 0\r\n"u8) > 0
            && int.TryParse(head[9..12], NumberStyles.None, CultureInfo.InvariantCulture, out status) && status is >= 400 and < 600;
    }

    private bool TryDocument(int status)
    {
        var (reason, detail) = status switch
        {
            400 => ("Bad Request", "The request's first line, a header, or the length or framing of its body is not HTTP/1.1."),
            408 => ("Request Timeout", "The request did not come to its end in time."),
            411 => ("Length Required", "The request does not say how long its body is."),
            413 => ("Payload Too Large", "The request's body is larger than this server takes."),
            414 => ("URI Too Long", "The request's first line is longer than this server takes."),
            431 => ("Request Header Fields Too Large", "The request's headers are more, or longer, than this server takes."),
            505 => ("HTTP Version Not Supported", "This server speaks HTTP/1.1."),
            _ => ("", ""),
        };
        if (reason.Length == 0)
            return false;
        var code = status switch
        {
            408 => HttpErrors.RequestTimeout,
            413 or 414 or 431 => HttpErrors.RequestTooLarge,
            _ => ErrorCodes.Malformed,
        };
        var body = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(body))
            ErrorJson.WriteProblem(json, status, reason, new MqError(code, detail));
        socket.Write(Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status} {reason}\r\nContent-Type: {Problem.ContentType}\r\nContent-Length: {body.WrittenCount}\r\nConnection: close\r\n\r\n")));
        socket.Write(body.WrittenSpan);
        return true;
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
